package org.tidemark.appliance.security;

import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** The one-time code of the first start. Lives in this process only: each start has a new one. */
final class SetupCode {
    static final Duration LIFE = Duration.ofHours(24);

    private final SecureRandom random;
    private final InstantSource clock;
    /** Null when there is none, or it was used. Guarded by this. */
    private @Nullable String hash;

    private Instant ends = Instant.EPOCH;

    /** What a code was worth. */
    enum Answer {
        RIGHT,
        WRONG,
        TOO_OLD
    }

    SetupCode(SecureRandom random, InstantSource clock) {
        this.random = random;
        this.clock = clock;
    }

    synchronized String fresh() {
        String code = RandomSecret.fresh(random, "");
        hash = RandomSecret.hash(code);
        ends = clock.instant().plus(LIFE);
        return code;
    }

    synchronized Answer check(String code) {
        if (hash == null || !RandomSecret.same(hash, RandomSecret.hash(code))) {
            return Answer.WRONG;
        }
        return clock.instant().isAfter(ends) ? Answer.TOO_OLD : Answer.RIGHT;
    }

    synchronized void used() {
        hash = null;
    }
}
