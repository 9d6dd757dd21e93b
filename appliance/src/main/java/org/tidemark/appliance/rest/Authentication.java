package org.tidemark.appliance.rest;

import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.IdentityProviderManager;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.AuthenticationRequest;
import io.quarkus.vertx.http.runtime.security.ChallengeData;
import io.quarkus.vertx.http.runtime.security.HttpAuthenticationMechanism;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.Cookie;
import io.vertx.ext.web.RoutingContext;
import jakarta.inject.Singleton;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.security.Credentials;

/** Takes the secret out of a request: the token of {@code Authorization: Bearer}, or else the cookie of a session. */
@Singleton
public final class Authentication implements HttpAuthenticationMechanism {
    /** Name of the cookie of a session. */
    public static final String COOKIE = "tidemark-session";

    private static final String SCHEME = "Bearer ";
    private static final String REASON = "tidemark.refused";
    private static final int MAX_SECRET = 256;

    @Override
    public Uni<SecurityIdentity> authenticate(RoutingContext context, IdentityProviderManager manager) {
        if (PublicPaths.isPublic(context.request().method().name(), context.normalizedPath())) {
            // An old cookie must not lock anybody out of signing in.
            return Uni.createFrom().nullItem();
        }
        Credentials.Shown shown;
        try {
            shown = shown(context);
        } catch (AuthenticationFailedException e) {
            context.put(REASON, String.valueOf(e.getMessage()));
            return Uni.createFrom().failure(e);
        }
        if (shown == null) {
            return Uni.createFrom().nullItem();
        }
        return manager.authenticate(shown)
                .onFailure(AuthenticationFailedException.class)
                .invoke(failure -> context.put(REASON, String.valueOf(failure.getMessage())));
    }

    private static Credentials.@Nullable Shown shown(RoutingContext context) {
        String header = context.request().getHeader("Authorization");
        if (header != null) {
            if (!header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
                throw new AuthenticationFailedException("only tokens are taken here: Authorization: Bearer tdm_...");
            }
            return Credentials.Shown.token(
                    bounded(header.substring(SCHEME.length()).strip()));
        }
        Cookie cookie = context.request().getCookie(COOKIE);
        return cookie == null ? null : Credentials.Shown.session(bounded(cookie.getValue()));
    }

    private static String bounded(String secret) {
        if (secret.length() > MAX_SECRET) {
            throw new AuthenticationFailedException(
                    "this is no token of Tidemark: those begin with tdm_ and are short");
        }
        return secret;
    }

    @Override
    public Uni<ChallengeData> getChallenge(RoutingContext context) {
        return Uni.createFrom()
                .item(new ChallengeData(FailureKind.NOT_AUTHENTICATED.status(), "WWW-Authenticate", "Bearer"));
    }

    /** Says why, in a body. */
    @Override
    public Uni<Boolean> sendChallenge(RoutingContext context) {
        ProblemAnswer.send(context, Problem.of(FailureKind.NOT_AUTHENTICATED, reason(context)));
        return Uni.createFrom().item(true);
    }

    static String reason(RoutingContext context) {
        String reason = context.get(REASON);
        return reason == null
                ? "nobody is signed in: sign in, or give a token (Authorization: Bearer tdm_...)"
                : reason;
    }

    @Override
    public Set<Class<? extends AuthenticationRequest>> getCredentialTypes() {
        return Set.of(Credentials.Shown.class);
    }
}
