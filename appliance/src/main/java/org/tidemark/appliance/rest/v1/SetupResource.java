package org.tidemark.appliance.rest.v1;

import io.vertx.core.http.HttpServerRequest;
import jakarta.annotation.security.PermitAll;
import jakarta.inject.Singleton;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.tidemark.appliance.security.FirstStart;
import org.tidemark.appliance.security.TooManyAttempts;

/** The first start: makes the first administrator. */
@Path("/api/v1/setup")
@Singleton
@PermitAll
@Tag(name = "Users")
public class SetupResource {
    private final FirstStart firstStart;

    public SetupResource(FirstStart firstStart) {
        this.firstStart = firstStart;
    }

    /** Whether there is anything to set up. */
    public record Setup(boolean needed) {}

    /** The first administrator. */
    public record SetupRequest(
            @NotBlank String code,
            @NotBlank String userName,
            @NotBlank String password) {}

    @GET
    public Setup isSetupNeeded() {
        return new Setup(firstStart.isNeeded());
    }

    @POST
    public Response setUp(@NotNull(message = "is missing") @Valid SetupRequest body, @Context HttpServerRequest request)
            throws IOException {
        try {
            return SessionAnswer.begun(
                    Response.Status.CREATED,
                    firstStart.finish(body.code(), body.userName(), body.password(), SessionAnswer.address(request)),
                    request);
        } catch (TooManyAttempts e) {
            return SessionAnswer.tooMany(e);
        }
    }
}
