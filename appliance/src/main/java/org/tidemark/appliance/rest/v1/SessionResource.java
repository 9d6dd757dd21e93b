package org.tidemark.appliance.rest.v1;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import jakarta.annotation.security.PermitAll;
import jakarta.inject.Singleton;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.time.Instant;
import java.util.TreeSet;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.security.Caller;
import org.tidemark.appliance.security.Sessions;
import org.tidemark.appliance.security.SignIn;
import org.tidemark.appliance.security.TooManyAttempts;
import org.tidemark.appliance.security.User;
import org.tidemark.appliance.security.Users;

/** Signing in and out. */
@Path("/api/v1/session")
@Singleton
@Tag(name = "Users")
public class SessionResource {
    private final SignIn signIn;
    private final Sessions sessions;
    private final Users users;
    private final SecurityIdentity identity;

    public SessionResource(SignIn signIn, Sessions sessions, Users users, SecurityIdentity identity) {
        this.signIn = signIn;
        this.sessions = sessions;
        this.users = users;
        this.identity = identity;
    }

    /** A name and a password. */
    public record SignInRequest(
            @NotBlank String userName, @NotBlank String password) {}

    /** Another password for the user who is signed in. */
    public record PasswordRequest(
            @NotBlank String oldPassword, @NotBlank String newPassword) {}

    @POST
    @PermitAll
    public Response signIn(
            @NotNull(message = "is missing") @Valid SignInRequest body, @Context HttpServerRequest request)
            throws IOException {
        try {
            return SessionAnswer.begun(
                    Response.Status.OK,
                    signIn.withPassword(body.userName(), body.password(), SessionAnswer.address(request)),
                    request);
        } catch (TooManyAttempts e) {
            return SessionAnswer.tooMany(e);
        }
    }

    @GET
    @Authenticated
    public SessionAnswer.Session session() throws IOException {
        Caller caller = Caller.of(identity);
        var scopes = new TreeSet<>(caller.scopes());
        if (caller.kind() != Caller.Kind.USER) {
            return new SessionAnswer.Session(null, null, caller.name(), scopes, null);
        }
        User user = users.find(caller.name())
                .orElseThrow(() -> new ApplianceException(
                        FailureKind.NOT_AUTHENTICATED, "your user was removed; ask an administrator"));
        Instant end = sessions.end(caller).orElse(null);
        return new SessionAnswer.Session(user.userName(), user.role(), null, scopes, end);
    }

    @DELETE
    @Authenticated
    public Response signOut(@Context HttpServerRequest request) throws IOException {
        demandUser();
        signIn.out(Caller.of(identity), SessionAnswer.address(request));
        return SessionAnswer.ended(request);
    }

    @POST
    @Path("/password")
    @Authenticated
    public Response changePassword(
            @NotNull(message = "is missing") @Valid PasswordRequest body, @Context HttpServerRequest request)
            throws IOException {
        demandUser();
        try {
            return SessionAnswer.begun(
                    Response.Status.OK,
                    signIn.changePassword(
                            Caller.of(identity),
                            body.oldPassword(),
                            body.newPassword(),
                            SessionAnswer.address(request)),
                    request);
        } catch (TooManyAttempts e) {
            return SessionAnswer.tooMany(e);
        }
    }

    private void demandUser() throws ApplianceException {
        if (Caller.of(identity).kind() != Caller.Kind.USER) {
            throw ApplianceException.usage("this is for users who signed in; a token has no session and no password");
        }
    }
}
