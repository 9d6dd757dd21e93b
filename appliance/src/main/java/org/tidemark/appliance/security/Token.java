package org.tidemark.appliance.security;

import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A key for a program; the secret itself is not kept. */
public record Token(
        String id,
        String name,
        Set<Scope> scopes,
        Instant createdAt,
        String createdBy,
        @Nullable Instant expiresAt,
        @Nullable Instant lastUsedAt,
        @Nullable Instant revokedAt) {}
