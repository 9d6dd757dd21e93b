package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.security.Scope;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.io.ImageException;

/** Snapshots that images keep in themselves. */
@Path("/api/v1/snapshots")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class SnapshotsResource {

    /** A level of a chain. */
    @Schema(name = "Snapshot")
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record SnapshotView(
            @Schema(required = true) String id,
            @Nullable String parent,
            @Schema(required = true) boolean current,
            @Schema(required = true) String fileName) {
        static SnapshotView of(SnapshotOperations.Snapshot one) {
            return new SnapshotView(one.guid(), one.parentGuid(), one.current(), one.file());
        }
    }

    /** The image, which must not be attached. */
    @Schema(name = "SnapshotRequest")
    public record SnapshotRequest(@NotNull String image) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<SnapshotView> list(
            @QueryParam("image") @Nullable String image,
            @QueryParam("limit") @Nullable Integer limit,
            @QueryParam("after") @Nullable String after)
            throws IOException {
        ChainFiles files = files(image);
        DiskDescriptor descriptor = files.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.UNSUPPORTED, files.name() + ": a single file has no snapshots"));
        List<SnapshotView> all = SnapshotOperations.list(descriptor).stream()
                .map(SnapshotView::of)
                .toList();
        return Page.of(all, limit, after, SnapshotView::id);
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = SnapshotView.class, responseCode = "201")
    public Response create(@Valid @NotNull SnapshotRequest request) throws IOException {
        ChainFiles files = files(request.image());
        String guid = new SnapshotOperations(UUID::randomUUID).create(files);
        DiskDescriptor descriptor = files(request.image()).descriptor().orElseThrow();
        SnapshotView made = SnapshotOperations.list(descriptor).stream()
                .filter(one -> one.guid().equals(guid))
                .map(SnapshotView::of)
                .findFirst()
                .orElseThrow();
        return Response.status(Response.Status.CREATED).entity(made).build();
    }

    private static ChainFiles files(@Nullable String image) throws IOException {
        if (image == null || !java.nio.file.Path.of(image).isAbsolute()) {
            throw ApplianceException.usage("give the absolute path of an image");
        }
        if (!java.nio.file.Files.exists(java.nio.file.Path.of(image))) {
            throw ApplianceException.notFound(image + ": there is no such image");
        }
        return AttachedImage.filesOf(java.nio.file.Path.of(image));
    }
}
