package org.tidemark.appliance.security;

import java.time.Duration;

/** Somebody tries too often; how long they have to wait stands in it. */
public final class TooManyAttempts extends Exception {
    private static final long serialVersionUID = 1L;

    private final long seconds;

    TooManyAttempts(Duration wait) {
        super("too many failed attempts; try again in " + seconds(wait) + " s");
        this.seconds = seconds(wait);
    }

    /** For {@code Retry-After}. */
    public long seconds() {
        return seconds;
    }

    private static long seconds(Duration wait) {
        return Math.max(1, wait.plusMillis(999).toSeconds());
    }
}
