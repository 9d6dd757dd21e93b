package org.tidemark.ploop.migrate;

import java.time.Duration;

/** Hears how a live copy is getting on, some times a second at most. */
public interface CopyProgress {
    /** Nobody listens. */
    CopyProgress NONE = state -> {};

    /**
     * Where a copy is.
     *
     * @param round 0 for the whole file, then the rounds of what changed, -1 for the last one, in the pause
     * @param doneBytes of this round
     * @param totalBytes of this round, as known now
     * @param bytesPerSecond what went in the rounds so far
     * @param forecastPause how long the pause would be if it began now; negative while nothing is known of that
     */
    record State(int round, long doneBytes, long totalBytes, long bytesPerSecond, Duration forecastPause) {}

    void at(State state);

    /** Asked between two pieces. */
    default boolean cancelled() {
        return false;
    }
}
