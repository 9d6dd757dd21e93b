package org.tidemark.appliance.security;

import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import java.security.Principal;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Who sent a request.
 *
 * @param secretHash hash of the secret that was shown; tells sessions of one user apart
 */
public record Caller(Kind kind, String name, Set<Scope> scopes, String secretHash) implements Principal {
    /** How the caller said who it is. */
    public enum Kind {
        /** A person, by the cookie of a session. */
        USER,
        /** A program, by a token. */
        TOKEN,
        /** Root of this host, by the token of {@code local-access.json}. */
        LOCAL
    }

    public Caller {
        scopes = Set.copyOf(scopes);
    }

    /** For logs and {@code createdBy}: {@code anna}, {@code token ci} or {@code local}. */
    @Override
    public String getName() {
        return switch (kind) {
            case USER -> name;
            case TOKEN -> "token " + name;
            case LOCAL -> "local";
        };
    }

    public boolean may(Scope scope) {
        return scopes.contains(scope);
    }

    /** The caller of a request that had to be authenticated. */
    public static Caller of(SecurityIdentity identity) {
        Caller caller = orNull(identity);
        if (caller == null) {
            throw new IllegalStateException("this request has no caller");
        }
        return caller;
    }

    static @Nullable Caller orNull(SecurityIdentity identity) {
        return identity.getPrincipal() instanceof Caller caller ? caller : null;
    }

    SecurityIdentity identity() {
        Set<String> roles = new TreeSet<>();
        scopes.forEach(scope -> roles.add(scope.word()));
        return QuarkusSecurityIdentity.builder()
                .setPrincipal(this)
                .addRoles(roles)
                .build();
    }

    /** Never shows the hash. */
    @Override
    public String toString() {
        return getName();
    }
}
