package org.tidemark.appliance.security;

import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.AuthenticationRequestContext;
import io.quarkus.security.identity.IdentityProvider;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.BaseAuthenticationRequest;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Singleton;
import org.tidemark.appliance.failure.ApplianceException;

/** Finds out whose secret a request shows. */
@Singleton
public final class Credentials implements IdentityProvider<Credentials.Shown> {
    private final LocalAccess local;
    private final Tokens tokens;
    private final Sessions sessions;

    public Credentials(LocalAccess local, Tokens tokens, Sessions sessions) {
        this.local = local;
        this.tokens = tokens;
        this.sessions = sessions;
    }

    /** A secret that a request shows. */
    public static final class Shown extends BaseAuthenticationRequest {
        private final boolean session;
        private final String secret;

        private Shown(boolean session, String secret) {
            this.session = session;
            this.secret = secret;
        }

        public static Shown token(String secret) {
            return new Shown(false, secret);
        }

        public static Shown session(String secret) {
            return new Shown(true, secret);
        }
    }

    @Override
    public Class<Shown> getRequestType() {
        return Shown.class;
    }

    @Override
    public Uni<SecurityIdentity> authenticate(Shown request, AuthenticationRequestContext context) {
        return context.runBlocking(() -> {
            try {
                return caller(request).identity();
            } catch (ApplianceException e) {
                throw new AuthenticationFailedException(e.getMessage(), e);
            }
        });
    }

    /**
     * Whether somebody who was let in would be let in still: for answers that go on for long. Asks the catalogue, and does
     * not count as a use, so that an open page keeps no session alive by itself.
     */
    public boolean stillGood(Caller caller) {
        return switch (caller.kind()) {
            case USER -> sessions.stillGood(caller.secretHash());
            case TOKEN -> tokens.stillGood(caller.secretHash());
            case LOCAL -> true;
        };
    }

    private Caller caller(Shown request) throws ApplianceException {
        if (request.session) {
            Sessions.Valid session =
                    sessions.find(request.secret).orElseThrow(() -> Refusal.of("your session is over; sign in again"));
            return new Caller(
                    Caller.Kind.USER, session.userName(), session.role().scopes(), session.hash());
        }
        var known = local.authenticate(request.secret);
        return known.isPresent() ? known.get() : tokens.authenticate(request.secret);
    }
}
