package org.tidemark.backup.target;

import java.time.Duration;

/**
 * How often and how long a call is tried.
 *
 * @param attempts calls in all, the first included
 * @param firstPause the first pause lasts up to this; each further one up to twice the one before
 * @param longestPause no pause that we choose is longer
 * @param total no pause begins that would end later than this after the first attempt
 */
public record RetryPolicy(int attempts, Duration firstPause, Duration longestPause, Duration total) {
    public RetryPolicy {
        if (attempts < 1 || firstPause.isNegative() || longestPause.compareTo(firstPause) < 0 || total.isNegative()) {
            throw new IllegalArgumentException(
                    attempts + " attempts, pauses of " + firstPause + " to " + longestPause + " within " + total);
        }
    }

    /** For jobs: outlasts the restart of a gateway and a spell of throttling, not an outage. */
    public static RetryPolicy forJobs() {
        return new RetryPolicy(9, Duration.ofMillis(200), Duration.ofSeconds(20), Duration.ofMinutes(2));
    }

    /** For a person who waits. */
    public static RetryPolicy forPeople() {
        return new RetryPolicy(3, Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofSeconds(3));
    }
}
