package org.tidemark.appliance.security;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A person who may sign in. */
public record User(
        String userName,
        Role role,
        boolean disabled,
        Instant createdAt,
        @Nullable Instant lastSignInAt) {}
