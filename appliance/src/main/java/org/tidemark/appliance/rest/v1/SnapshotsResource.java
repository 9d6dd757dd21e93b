package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
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
import java.security.Principal;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.appliance.service.job.JobOrders;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.job.JobState;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.SnapshotOperations;

/** Snapshots that images keep in themselves. */
@Path("/api/v1/snapshots")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class SnapshotsResource {

    private final Snapshots snapshots;
    private final JobRunner runner;

    @Inject
    public SnapshotsResource(Host host, JobRunner runner) {
        this.runner = runner;
        this.snapshots = new Snapshots(host::connectIfRunning);
    }

    /**
     * A level of a chain.
     *
     * @param toBeMerged it is no snapshot any more and goes when it can
     */
    @Schema(name = "Snapshot")
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record SnapshotView(
            @Schema(required = true) String id,
            @Nullable String parent,
            @Schema(required = true) boolean current,
            @Schema(required = true) boolean toBeMerged,
            @Schema(required = true) String fileName) {
        static SnapshotView of(SnapshotOperations.Snapshot one) {
            return new SnapshotView(one.guid(), one.parentGuid(), one.current(), one.temporary(), one.file());
        }
    }

    /** The image, by its absolute path; attached or not. */
    @Schema(name = "SnapshotRequest")
    public record SnapshotRequest(@NotNull String image) {}

    /**
     * What became of a snapshot.
     *
     * @param outcome {@code current}: it is what the image shows
     */
    @Schema(name = "SnapshotOutcome")
    public record SnapshotOutcome(
            @Schema(required = true) String id,
            @Schema(required = true) String outcome) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<SnapshotView> list(
            @QueryParam("image") @Nullable String image,
            @QueryParam("limit") @Nullable Integer limit,
            @QueryParam("after") @Nullable String after)
            throws IOException {
        return Page.of(views(requireImage(image)), limit, after, SnapshotView::id);
    }

    private List<SnapshotView> views(String image) throws IOException {
        return snapshots.list(image).stream().map(SnapshotView::of).toList();
    }

    /** Makes one. The file system of an image that is mounted is frozen for the moment. */
    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = SnapshotView.class, responseCode = "201")
    public Response create(@Valid @NotNull SnapshotRequest request) throws IOException {
        String image = requireImage(request.image());
        String guid = snapshots.create(image).guid();
        SnapshotView made = views(image).stream()
                .filter(one -> one.id().equals(guid))
                .findFirst()
                .orElseThrow();
        return Response.status(Response.Status.CREATED).entity(made).build();
    }

    /** Begins to delete one: a job, with progress, that can be cancelled. */
    @DELETE
    @Path("{id}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response delete(
            @PathParam("id") String id, @QueryParam("image") @Nullable String image, @Context SecurityContext caller)
            throws IOException {
        return begin(JobEntry.Kind.SNAPSHOT_DELETE, requireImage(image), id, caller);
    }

    /** Begins to write one down into its parent, which ceases to be a snapshot: a job, too. */
    @POST
    @Path("{id}/merge")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "202")
    @APIResponseSchema(value = JobView.class, responseCode = "202")
    public Response merge(
            @PathParam("id") String id, @Valid @NotNull SnapshotRequest request, @Context SecurityContext caller)
            throws IOException {
        return begin(JobEntry.Kind.SNAPSHOT_MERGE, requireImage(request.image()), id, caller);
    }

    private Response begin(JobEntry.Kind kind, String image, String id, SecurityContext caller) throws IOException {
        String guid = Snapshots.guid(id);
        if (views(image).stream().noneMatch(one -> one.id().equals(guid))) {
            throw ApplianceException.notFound(image + ": there is no snapshot " + guid);
        }
        Principal who = caller.getUserPrincipal();
        JobState state =
                runner.submit(JobOrders.ofSnapshot(kind, image, guid, who == null ? "unknown" : who.getName()));
        return Response.accepted(JobView.of(state))
                .location(URI.create("/api/v1/jobs/" + state.entry().id()))
                .build();
    }

    /** Goes back to one; the image must not be attached, and what was written since is gone. */
    @POST
    @Path("{id}/switch")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public SnapshotOutcome switchTo(@PathParam("id") String id, @Valid @NotNull SnapshotRequest request)
            throws IOException {
        snapshots.switchTo(requireImage(request.image()), id);
        return new SnapshotOutcome(Snapshots.guid(id), "current");
    }

    private static String requireImage(@Nullable String image) throws IOException {
        if (image == null || !java.nio.file.Path.of(image).isAbsolute()) {
            throw ApplianceException.usage("give the absolute path of an image");
        }
        if (!ImagePlace.of(image).isThere()) {
            throw ApplianceException.notFound(image + ": there is no such image");
        }
        return image;
    }
}
