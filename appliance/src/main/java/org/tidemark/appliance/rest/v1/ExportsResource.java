package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
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
import java.io.IOException;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.security.Audit;
import org.tidemark.appliance.security.Caller;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.export.Exports;
import org.tidemark.appliance.service.export.Subjects;

/** Disks for other programs, over NBD. Whoever sees an export's name may use it, so all of this is for administrators. */
@Path("/api/v1/exports")
@RolesAllowed(Scope.MAY_ADMINISTER)
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class ExportsResource {
    private final Exports exports;
    private final Subjects subjects;
    private final SecurityIdentity identity;

    @Inject
    public ExportsResource(Exports exports, Subjects subjects, SecurityIdentity identity) {
        this.exports = exports;
        this.subjects = subjects;
        this.identity = identity;
    }

    /** An export. */
    @Schema(name = "Export")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record ExportView(
            @Schema(required = true) String exportId,
            @Schema(required = true) String what,
            @Nullable String uri,
            @Schema(required = true) String localUri,
            @Schema(required = true) long sizeBytes,
            @Schema(required = true) boolean writable,
            @Nullable String bitmap,
            @Nullable String checkpoint,
            @Nullable String notice,
            @Schema(required = true) Instant exportedAt) {
        static ExportView of(Exports.Export export) {
            return new ExportView(
                    export.exportId(),
                    export.what(),
                    export.uri(),
                    export.localUri(),
                    export.sizeBytes(),
                    export.writable(),
                    export.bitmap(),
                    export.checkpoint(),
                    export.notice(),
                    export.exportedAt());
        }
    }

    /**
     * What to export: one of the first four.
     *
     * @param device an attached device, as it is at each moment
     * @param instantOf an attached device, as it is now and stays in the export
     * @param snapshot GUID of a snapshot of {@code image}
     * @param container a container, of which {@code point} is exported
     * @param writable for a device that is not mounted
     * @param consumer who reads an instant; each has checkpoints of its own
     * @param since for an instant: a checkpoint that an earlier one gave, to be told what changed
     * @param point which point of the container; the newest when it is missing
     * @param imageId which image of the point, when it has several
     */
    @Schema(name = "ExportRequest")
    public record ExportRequest(
            @Nullable String device,
            @Nullable String instantOf,
            @Nullable String snapshot,
            @Nullable String container,
            @Nullable Boolean writable,
            @Nullable String consumer,
            @Nullable String since,
            @Nullable String image,
            @Nullable String point,
            @Nullable String target,
            @Nullable String imageId) {}

    @GET
    public Page<ExportView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        return Page.of(exports.all().stream().map(ExportView::of).toList(), limit, after, ExportView::exportId);
    }

    @POST
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = ExportView.class, responseCode = "201")
    public Response add(@Valid @NotNull ExportRequest request, @Context HttpServerRequest http) throws IOException {
        exports.requireRoom();
        Exports.Export export = exports.add(subject(request));
        Audit.note(
                Caller.of(identity).getName(),
                SessionAnswer.address(http),
                "exports " + export.what() + (export.writable() ? " for writing" : ""));
        return Response.status(Response.Status.CREATED)
                .entity(ExportView.of(export))
                .build();
    }

    private Exports.Subject subject(ExportRequest wanted) throws IOException {
        boolean writable = Boolean.TRUE.equals(wanted.writable());
        if (writable && wanted.device() == null) {
            throw ApplianceException.usage("only a device can be exported for writing");
        }
        if (wanted.device() != null) {
            return subjects.device(wanted.device(), writable);
        }
        if (wanted.instantOf() != null) {
            String consumer = Names.check(wanted.consumer() == null ? "export" : wanted.consumer());
            return subjects.instant(wanted.instantOf(), "export/" + consumer, wanted.since());
        }
        if (wanted.snapshot() != null && wanted.image() != null) {
            return subjects.snapshot(wanted.image(), wanted.snapshot());
        }
        if (wanted.container() != null) {
            String point = wanted.point() == null ? "latest" : wanted.point();
            return subjects.point(Names.check(wanted.container()), point, wanted.target(), wanted.imageId());
        }
        throw ApplianceException.usage(
                "say what to export: 'device', 'instantOf', 'snapshot' with 'image', or 'container'");
    }

    /**
     * Ends an export.
     *
     * @param done its reader has all it wanted: the next instant of the same consumer may count from this one
     */
    @DELETE
    @Path("{id}")
    public void remove(@PathParam("id") String id, @QueryParam("done") boolean done, @Context HttpServerRequest http)
            throws IOException {
        exports.remove(id, done);
        Audit.note(Caller.of(identity).getName(), SessionAnswer.address(http), "ended an export");
    }
}
