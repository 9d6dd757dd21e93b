package org.tidemark.appliance.rest.v1;

import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.MultiEmitter;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.SecurityContext;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jboss.resteasy.reactive.RestStreamElementType;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.security.Caller;
import org.tidemark.appliance.security.Credentials;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.job.JobEvents;
import org.tidemark.appliance.service.job.JobOrders;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.job.JobState;

/** Jobs: start them, watch them, end them. */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class JobsResource {
    private static final long HEARTBEAT_SECONDS = 10;
    private static final int MAX_BEHIND = 1_000;

    private final Jobs jobs;
    private final JobRunner runner;
    private final JobOrders orders;
    private final JobEvents events;
    private final Credentials credentials;

    @Inject
    public JobsResource(Jobs jobs, JobRunner runner, JobOrders orders, JobEvents events, Credentials credentials) {
        this.jobs = jobs;
        this.runner = runner;
        this.orders = orders;
        this.events = events;
        this.credentials = credentials;
    }

    /**
     * What to do.
     *
     * @param point for RESTORE and VERIFY: latest, the beginning of an id, or an ISO-8601 time
     * @param destination for RESTORE: an absolute path where nothing is yet
     */
    @Schema(name = "JobRequest")
    public record JobRequest(
            @NotNull JobEntry.Kind kind,
            @Nullable String container,
            @Nullable String target,
            @Nullable String point,
            @Nullable String image,
            @Nullable String destination,
            @Nullable String format) {}

    /** A line of a log. */
    public record LogLine(Instant at, String level, String text) {}

    /** A log. */
    public record JobLog(List<LogLine> lines) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<JobView> list(
            @QueryParam("state") JobEntry.@Nullable State state,
            @QueryParam("kind") JobEntry.@Nullable Kind kind,
            @QueryParam("container") @Nullable String container,
            @QueryParam("limit") @Nullable Integer limit,
            @QueryParam("after") @Nullable String after)
            throws IOException {
        int room = Page.checkedLimit(limit);
        long before = after == null ? Long.MAX_VALUE : id(after);
        List<JobEntry> found = jobs.list(new Jobs.Filter(state, kind, container), before, room + 1);
        List<JobView> items = new ArrayList<>();
        for (JobEntry entry : found.subList(0, Math.min(room, found.size()))) {
            items.add(JobView.of(runner.state(entry)));
        }
        return new Page<>(
                items, found.size() > room ? items.get(items.size() - 1).id() : null);
    }

    @POST
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_RESTORE})
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response start(@Valid @NotNull JobRequest request, @Context SecurityContext caller) throws IOException {
        if (!caller.isUserInRole(scopeOf(request.kind()))) {
            throw new io.quarkus.security.ForbiddenException();
        }
        String who = caller.getUserPrincipal() == null
                ? "unknown"
                : caller.getUserPrincipal().getName();
        JobState state = runner.submit(orders.checked(
                new JobOrders.Order(
                        request.kind(),
                        request.container(),
                        request.target(),
                        request.point(),
                        request.image(),
                        request.destination(),
                        request.format()),
                who));
        return Response.accepted(JobView.of(state))
                .location(URI.create("/api/v1/jobs/" + state.entry().id()))
                .build();
    }

    private static String scopeOf(JobEntry.Kind kind) {
        return switch (kind) {
            case BACKUP, VERIFY, REPLICATE -> Scope.MAY_BACKUP;
            case RESTORE -> Scope.MAY_RESTORE;
            case SNAPSHOT_DELETE, SNAPSHOT_MERGE, MIGRATE, ARRIVE -> Scope.MAY_ADMINISTER;
        };
    }

    @GET
    @Path("{id}")
    @RolesAllowed(Scope.MAY_READ)
    public JobView get(@PathParam("id") String id) throws IOException {
        return JobView.of(runner.state(jobs.get(id(id))));
    }

    @POST
    @Path("{id}/cancel")
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_RESTORE, Scope.MAY_ADMINISTER})
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response cancel(@PathParam("id") String id, @Context SecurityContext caller) throws IOException {
        JobEntry entry = jobs.get(id(id));
        if (!caller.isUserInRole(scopeOf(entry.kind()))) {
            throw new io.quarkus.security.ForbiddenException();
        }
        return Response.accepted(JobView.of(runner.cancel(entry.id()))).build();
    }

    @GET
    @Path("{id}/log")
    @RolesAllowed(Scope.MAY_READ)
    public JobLog log(@PathParam("id") String id) throws IOException {
        JobEntry entry = jobs.get(id(id));
        return new JobLog(jobs.logOf(entry.id()).stream()
                .map(line -> new LogLine(line.at(), line.level(), line.text()))
                .toList());
    }

    /** Every change of every open job, the present state of the open ones first; ends soon after its caller lost the right. */
    @GET
    @Path("events")
    @RolesAllowed(Scope.MAY_READ)
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    public Multi<OutboundSseEvent> events(@Context Sse sse, @Context SecurityContext caller) {
        return stream(sse, caller, state -> true, false, () -> {
            List<JobState> open = new ArrayList<>();
            jobs.open().forEach(entry -> open.add(runner.state(entry)));
            return open;
        });
    }

    /** Every change of one job, its present state first; ends when the job has ended. */
    @GET
    @Path("{id}/events")
    @Blocking
    @RolesAllowed(Scope.MAY_READ)
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    public Multi<OutboundSseEvent> eventsOf(
            @PathParam("id") String id, @Context Sse sse, @Context SecurityContext caller) throws IOException {
        long wanted = jobs.get(id(id)).id();
        return stream(
                sse,
                caller,
                state -> state.entry().id() == wanted,
                true,
                () -> List.of(runner.state(jobs.get(wanted))));
    }

    /** What is told first; asked when listening has begun, so that nothing falls between. */
    private interface Beginning {
        List<JobState> now() throws IOException;
    }

    private Multi<OutboundSseEvent> stream(
            Sse sse, SecurityContext context, Predicate<JobState> wanted, boolean endsWithJob, Beginning beginning) {
        BooleanSupplier welcome =
                context.getUserPrincipal() instanceof Caller caller ? () -> credentials.stillGood(caller) : () -> false;
        return Multi.createFrom()
                .<OutboundSseEvent>emitter(
                        emitter -> listen(emitter, sse, welcome, wanted, endsWithJob, beginning),
                        BackPressureStrategy.ERROR)
                // What is told first is asked of the catalogue, which must not hold up the threads of the network.
                .runSubscriptionOn(Infrastructure.getDefaultWorkerPool())
                .onOverflow()
                .buffer(MAX_BEHIND)
                .onFailure()
                .recoverWithCompletion();
    }

    private void listen(
            MultiEmitter<? super OutboundSseEvent> emitter,
            Sse sse,
            BooleanSupplier welcome,
            Predicate<JobState> wanted,
            boolean endsWithJob,
            Beginning beginning) {
        JobEvents.Subscription subscription = events.listen(state -> {
            if (wanted.test(state)) {
                tell(emitter, sse, state, endsWithJob);
            }
        });
        ScheduledFuture<?> heart = Infrastructure.getDefaultWorkerPool()
                .scheduleAtFixedRate(
                        () -> {
                            if (welcome.getAsBoolean()) {
                                emitter.emit(sse.newEventBuilder()
                                        .comment("still here")
                                        .build());
                            } else {
                                emitter.complete();
                            }
                        },
                        HEARTBEAT_SECONDS,
                        HEARTBEAT_SECONDS,
                        TimeUnit.SECONDS);
        emitter.onTermination(() -> {
            subscription.close();
            heart.cancel(false);
        });
        try {
            for (JobState state : beginning.now()) {
                tell(emitter, sse, state, endsWithJob);
            }
        } catch (IOException e) {
            emitter.fail(e);
        }
    }

    private static void tell(
            MultiEmitter<? super OutboundSseEvent> emitter, Sse sse, JobState state, boolean endsWithJob) {
        emitter.emit(sse.newEventBuilder()
                .name("job")
                .id(String.valueOf(state.entry().id()))
                .data(JobView.class, JobView.of(state))
                .build());
        if (endsWithJob && state.entry().state().isFinal()) {
            emitter.complete();
        }
    }

    private static long id(String text) throws ApplianceException {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new ApplianceException(
                    org.tidemark.appliance.failure.FailureKind.NOT_FOUND, "there is no job '" + text + "'", e);
        }
    }
}
