package org.tidemark.ploop.migrate;

import java.time.Duration;

/**
 * When a live copy stops copying what changed, and pauses for the rest.
 *
 * @param maxRounds rounds after the first, whole one
 * @param maxTime for everything before the pause
 * @param pause how long the last round may take, as forecast; shorter is not tried for
 * @param throttle whether writers are slowed down when they change more than is copied meanwhile
 * @param bytesPerSecond bound for what is read and sent; 0 for none. The last round goes as fast as it can
 */
public record CopyLimits(int maxRounds, Duration maxTime, Duration pause, boolean throttle, long bytesPerSecond) {
    /** As ploop's: ten rounds. */
    public static final CopyLimits USUAL = new CopyLimits(10, Duration.ofHours(24), Duration.ofMillis(100), false, 0);
}
