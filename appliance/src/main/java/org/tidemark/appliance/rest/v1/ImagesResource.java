package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.security.Scope;
import org.tidemark.ploop.chain.ImageClone;

/** Images as files. */
@Path("/api/v1/images")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class ImagesResource {

    /**
     * An image to make.
     *
     * @param image absolute path; nothing may be there
     * @param template absolute path of the image to begin with, on the same file system
     * @param snapshot of the template; its present content when it is not given
     */
    @Schema(name = "CloneRequest")
    public record CloneRequest(
            @NotNull String image,
            @NotNull String template,
            @Nullable String snapshot) {}

    /**
     * What was made.
     *
     * @param snapshot the one of the template that it begins with
     * @param levels how many files the image stands on, its own among them
     */
    @Schema(name = "Clone")
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record CloneView(
            @Schema(required = true) String image,
            @Schema(required = true) String template,
            @Nullable String snapshot,
            @Schema(required = true) int levels) {}

    /** Clones an image, at once whatever its size: see {@link ImageClone}. */
    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = CloneView.class, responseCode = "201")
    public Response make(@Valid @NotNull CloneRequest request) throws IOException {
        ImageClone.Made made = new ImageClone(UUID::randomUUID)
                .make(
                        absolute(request.template(), "template"),
                        Optional.ofNullable(request.snapshot()),
                        absolute(request.image(), "image"));
        CloneView view = new CloneView(
                request.image(),
                request.template(),
                made.snapshot().orElse(null),
                made.files().links().size());
        return Response.status(Response.Status.CREATED).entity(view).build();
    }

    private static java.nio.file.Path absolute(String path, String what) throws ApplianceException {
        java.nio.file.Path wanted = java.nio.file.Path.of(path);
        if (!wanted.isAbsolute()) {
            throw ApplianceException.usage("give the absolute path of the " + what + "; '" + path + "' is none");
        }
        return wanted;
    }
}
