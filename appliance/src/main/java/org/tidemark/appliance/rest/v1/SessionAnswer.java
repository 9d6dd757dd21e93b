package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.core.NewCookie;
import jakarta.ws.rs.core.Response;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.rest.Authentication;
import org.tidemark.appliance.rest.Problem;
import org.tidemark.appliance.security.Role;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.security.SignIn;
import org.tidemark.appliance.security.TooManyAttempts;

/** Answers that begin or end a session. */
final class SessionAnswer {
    private SessionAnswer() {}

    /** Who the caller is; a user, or a token. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Session(
            @Nullable String userName,
            @Nullable Role role,
            @Nullable String tokenName,
            Set<Scope> scopes,
            @Nullable Instant expiresAt) {}

    static Response begun(Response.Status status, SignIn.SignedIn signedIn, HttpServerRequest request) {
        Role role = signedIn.user().role();
        Instant end = signedIn.session().expiresAt();
        return Response.status(status)
                .entity(new Session(signedIn.user().userName(), role, null, new TreeSet<>(role.scopes()), end))
                .cookie(cookie(request, signedIn.session().secret(), (int)
                        Duration.between(Instant.now(), end).toSeconds()))
                .build();
    }

    static Response ended(HttpServerRequest request) {
        return Response.noContent().cookie(cookie(request, "", 0)).build();
    }

    static Response tooMany(TooManyAttempts failure) {
        return Response.status(FailureKind.TOO_MANY_REQUESTS.status())
                .type(Problem.MEDIA_TYPE)
                .header("Retry-After", failure.seconds())
                .entity(Problem.of(FailureKind.TOO_MANY_REQUESTS, String.valueOf(failure.getMessage())))
                .build();
    }

    private static NewCookie cookie(HttpServerRequest request, String value, int seconds) {
        return new NewCookie.Builder(Authentication.COOKIE)
                .value(value)
                .path("/")
                .httpOnly(true)
                .secure("https".equals(request.scheme()))
                .sameSite(NewCookie.SameSite.STRICT)
                .maxAge(seconds)
                .build();
    }

    static String address(HttpServerRequest request) {
        return request.remoteAddress() == null
                ? "unknown"
                : request.remoteAddress().hostAddress();
    }
}
