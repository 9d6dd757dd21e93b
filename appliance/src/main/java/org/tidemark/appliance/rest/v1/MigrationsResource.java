package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
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
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.MigrationEntry;
import org.tidemark.appliance.persistence.Migrations;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.migration.MigrationOrders;

/** Containers that go to other appliances, or come from them. */
@Path("/api/v1/migrations")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class MigrationsResource {
    private final Migrations migrations;
    private final MigrationOrders orders;
    private final JobRunner runner;

    @Inject
    public MigrationsResource(Migrations migrations, MigrationOrders orders, JobRunner runner) {
        this.migrations = migrations;
        this.orders = orders;
        this.runner = runner;
    }

    /** A container that moves, or moved. */
    @Schema(name = "Migration")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record MigrationView(
            @Schema(required = true) String id,
            @Schema(required = true) MigrationEntry.Direction direction,
            @Schema(required = true) String container,
            @Schema(required = true) String peer,
            @Schema(required = true) MigrationEntry.State state,
            @Nullable String notice,
            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt) {
        static MigrationView of(MigrationEntry entry) {
            return new MigrationView(
                    entry.id(),
                    entry.direction(),
                    entry.container(),
                    entry.peer(),
                    entry.state(),
                    entry.notice(),
                    entry.createdAt(),
                    entry.updatedAt());
        }
    }

    /**
     * What is to move where.
     *
     * @param destination folder there for the images; where they lie here when it is left out
     * @param maxRounds rounds of what changed, before the container is stopped
     * @param bytesPerSecond bound for what is sent while it runs
     * @param throttle slow the container down when it changes more than is sent meanwhile
     */
    @Schema(name = "MigrationRequest")
    public record MigrationRequest(
            @NotNull String container,
            @NotNull String peer,
            @Nullable String destination,
            @Nullable @Min(0) @Max(1000) Integer maxRounds,
            @Nullable @Min(4096) Long bytesPerSecond,
            @Nullable Boolean throttle) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<MigrationView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        int room = Page.checkedLimit(limit);
        List<MigrationEntry> all = migrations.all();
        int from = 0;
        if (after != null) {
            MigrationEntry last = migrations.get(after);
            while (from < all.size() && !all.get(from).id().equals(last.id())) {
                from++;
            }
            from++;
        }
        List<MigrationEntry> found = all.subList(Math.min(from, all.size()), Math.min(from + room, all.size()));
        boolean more = from + room < all.size();
        return new Page<>(
                found.stream().map(MigrationView::of).toList(),
                more ? found.get(found.size() - 1).id() : null);
    }

    @GET
    @Path("{id}")
    @RolesAllowed(Scope.MAY_READ)
    public MigrationView get(@PathParam("id") String id) throws IOException {
        return MigrationView.of(migrations.get(id));
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response begin(@Valid @NotNull MigrationRequest request, @Context SecurityContext caller)
            throws IOException {
        return accepted(orders.checked(
                new MigrationOrders.Order(
                        request.container(),
                        request.peer(),
                        request.destination(),
                        request.maxRounds(),
                        request.bytesPerSecond(),
                        request.throttle()),
                who(caller)));
    }

    /** Goes on with one that is decided, or starts what has arrived and was not started. */
    @POST
    @Path("{id}/resume")
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response resume(@PathParam("id") String id, @Context SecurityContext caller) throws IOException {
        return accepted(orders.goOn(id, who(caller)));
    }

    /**
     * That one waits no longer.
     *
     * @param really the container's name, when it is taken back after it was handed over
     */
    @Schema(name = "MigrationAbandonment")
    public record AbandonRequest(@Nullable String really) {}

    /** Ends one whose other side will not answer. What was handed over is taken back only with the container's name. */
    @POST
    @Path("{id}/abandon")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public MigrationView abandon(
            @PathParam("id") String id, @Valid @NotNull AbandonRequest request, @Context SecurityContext caller)
            throws IOException {
        Optional<NewJob> job = orders.abandon(id, request.really(), who(caller));
        if (job.isPresent()) {
            runner.submit(job.get());
        }
        return MigrationView.of(migrations.get(id));
    }

    private Response accepted(NewJob job) throws IOException {
        JobView view = JobView.of(runner.submit(job));
        return Response.accepted(view)
                .location(URI.create("/api/v1/jobs/" + view.id()))
                .build();
    }

    private static String who(SecurityContext caller) {
        return caller.getUserPrincipal() == null
                ? "unknown"
                : caller.getUserPrincipal().getName();
    }
}
