package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
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
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.replication.PromotionFacts;
import org.tidemark.appliance.service.replication.Promotions;
import org.tidemark.appliance.service.replication.ReplicaOrders;
import org.tidemark.appliance.service.replication.ReplicaRegistry;
import org.tidemark.appliance.service.replication.ReplicaStates;

/** Replicas: targets that are kept up with another one. */
@Path("/api/v1/replicas")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class ReplicasResource {
    private static final int MAX_PLAN = 2_000;
    private static final long TEN_YEARS = 315_360_000;

    private final Replicas replicas;
    private final Targets targets;
    private final ReplicaRegistry registry;
    private final ReplicaStates states;
    private final ReplicaOrders orders;
    private final Promotions promotions;
    private final JobRunner runner;

    @Inject
    public ReplicasResource(
            Replicas replicas,
            Targets targets,
            ReplicaRegistry registry,
            ReplicaStates states,
            ReplicaOrders orders,
            Promotions promotions,
            JobRunner runner) {
        this.replicas = replicas;
        this.targets = targets;
        this.registry = registry;
        this.states = states;
        this.orders = orders;
        this.promotions = promotions;
        this.runner = runner;
    }

    /**
     * A replica to be made.
     *
     * @param source the target to keep it up with
     * @param place where; left out when {@code name} is a target that holds the same repository already
     * @param everySeconds how often; usually 300
     * @param rpoSeconds how long a point may wait before somebody is told; usually three turns, ten minutes at least
     * @param bandwidth by hour and day, for instance {@code mon-fri 08:00-18:00 2M, else unlimited}
     */
    @Schema(name = "ReplicaRequest")
    public record ReplicaRequest(
            @NotNull @Pattern(regexp = Names.PATTERN, message = "must be up to 128 letters, digits, '.', '_' and '-'")
            String name,

            @NotNull String source,
            @Nullable @Valid Place place,
            @Nullable @Min(1) Long everySeconds,
            @Nullable @Min(1) @Max(TEN_YEARS) Long rpoSeconds,
            @Nullable @Size(max = MAX_PLAN) String bandwidth) {}

    /** Where a replica lies: as of a target. */
    @Schema(name = "ReplicaPlace")
    public record Place(
            TargetEntry.@NotNull Kind kind,
            @Nullable @Valid LocalSettings local,
            @Nullable @Valid NfsSettings nfs,
            @Nullable @Valid S3Settings s3,
            @Nullable @Min(1) @Max(64) Integer maxJobs) {}

    /** What to change; what is missing stays. */
    @Schema(name = "ReplicaUpdate")
    public record ReplicaUpdate(
            @Nullable @Min(1) Long everySeconds,
            @Nullable @Min(1) @Max(TEN_YEARS) Long rpoSeconds,
            @Nullable @Size(max = MAX_PLAN) String bandwidth,
            @Nullable Boolean enabled) {}

    /** What to test; every container when it is left out. */
    @Schema(name = "ReplicaTest")
    public record TestRequest(@Nullable String container) {}

    /**
     * How to promote.
     *
     * @param really the source's name, by somebody who knows that nothing writes to it any more
     * @param policies whether the policies that back up to the source back up here from now on
     */
    @Schema(name = "PromotionRequest")
    public record PromotionRequest(
            @Nullable String really, @Nullable Boolean policies) {}

    /** What a promotion did. */
    @Schema(name = "Promotion")
    public record PromotionView(
            @Schema(required = true) String name,
            @Schema(required = true) String source,
            @Schema(required = true) List<String> doubts,
            @Schema(required = true) List<LossView> losses,
            @Schema(required = true) List<String> movedPolicies) {
        static PromotionView of(Promotions.Promoted done) {
            return new PromotionView(
                    done.target(),
                    done.source(),
                    done.doubts(),
                    done.losses().stream().map(LossView::of).toList(),
                    done.movedPolicies());
        }
    }

    /** What the source had and the replica lacks. */
    @Schema(name = "PromotionLoss")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record LossView(
            @Schema(required = true) String container,
            @Schema(required = true) int points,
            @Nullable Instant newestAtSource,
            @Nullable Instant newestAtReplica,
            @Schema(required = true) String sentence) {
        static LossView of(PromotionFacts.Loss loss) {
            return new LossView(
                    loss.container(), loss.points(), loss.newestAtSource(), loss.newestAtReplica(), loss.sentence());
        }
    }

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<ReplicaView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        Instant now = Instant.now();
        List<ReplicaView> all = states.all(now).stream()
                .map(state -> ReplicaView.of(state, now))
                .toList();
        return Page.of(all, limit, after, ReplicaView::name);
    }

    @GET
    @Path("{name}")
    @RolesAllowed(Scope.MAY_READ)
    public ReplicaView get(@PathParam("name") String name) throws IOException {
        return view(replicas.get(name));
    }

    /** Makes a place a replica, or a target that was the source before; the first run follows by itself. */
    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = ReplicaView.class, responseCode = "201")
    public Response add(@Valid @NotNull ReplicaRequest request) throws IOException {
        ReplicaRegistry.Terms terms =
                new ReplicaRegistry.Terms(request.everySeconds(), request.rpoSeconds(), request.bandwidth(), null);
        Place place = request.place();
        ReplicaEntry entry = place == null
                ? registry.adopt(request.name(), request.source(), terms)
                : registry.add(
                        TargetsResource.wanted(new TargetsResource.TargetRequest(
                                request.name(), place.kind(), place.local(), place.nfs(), place.s3(), place.maxJobs())),
                        request.source(),
                        terms);
        return Response.status(Response.Status.CREATED)
                .location(URI.create("/api/v1/replicas/" + entry.target()))
                .entity(view(entry))
                .build();
    }

    @PATCH
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public ReplicaView update(@PathParam("name") String name, @Valid @NotNull ReplicaUpdate request)
            throws IOException {
        return view(registry.update(
                name,
                new ReplicaRegistry.Terms(
                        request.everySeconds(), request.rpoSeconds(), request.bandwidth(), request.enabled())));
    }

    /** Ends it and forgets the target; what it holds stays. */
    @DELETE
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void remove(@PathParam("name") String name) throws IOException {
        registry.remove(name);
    }

    /** Brings it up now. */
    @POST
    @Path("{name}/run")
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_ADMINISTER})
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response run(@PathParam("name") String name, @Context SecurityContext caller) throws IOException {
        return accepted(orders.run(name, who(caller)));
    }

    /** Reads the newest points from the replica alone, to their last chunk; nothing is written or promoted. */
    @POST
    @Path("{name}/test")
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_ADMINISTER})
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response test(
            @PathParam("name") String name, @Valid @NotNull TestRequest request, @Context SecurityContext caller)
            throws IOException {
        return accepted(orders.test(name, request.container(), who(caller)));
    }

    /** Makes it a target of its own; refused unless nothing writes to its source and nothing is lost, or it is named. */
    @POST
    @Path("{name}/promote")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public PromotionView promote(@PathParam("name") String name, @Valid @NotNull PromotionRequest request)
            throws IOException {
        return PromotionView.of(promotions.promote(name, request.really(), Boolean.TRUE.equals(request.policies())));
    }

    private ReplicaView view(ReplicaEntry entry) throws ApplianceException {
        Instant now = Instant.now();
        return ReplicaView.of(states.of(entry, targets.get(entry.source()), targets.get(entry.target()), now), now);
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
