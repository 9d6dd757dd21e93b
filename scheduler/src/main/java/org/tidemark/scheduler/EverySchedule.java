package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;

/**
 * "Every N minutes": slots at the anchor plus whole periods, in real time. Time zones and restarts do not move them. The
 * usual anchor is the epoch, so that every 5 minutes means :00, :05, :10; {@link Jitter} spreads the containers.
 */
public record EverySchedule(Duration period, Instant anchor) implements Schedule {
    /** Longer ones would reach beyond what the calendar of Java can add without care. */
    private static final Duration LONGEST = Duration.ofDays(3660);

    public EverySchedule {
        if (period.compareTo(Duration.ofSeconds(1)) < 0 || period.compareTo(LONGEST) > 0 || period.toNanosPart() != 0) {
            throw new IllegalArgumentException(
                    "a period is a whole number of seconds from 1 to " + LONGEST.toSeconds() + ": " + period);
        }
    }

    /** Anchored at the epoch. */
    public static EverySchedule of(Duration period) {
        return new EverySchedule(period, Instant.EPOCH);
    }

    @Override
    public Instant next(Instant moment) {
        return latest(moment).plus(period);
    }

    @Override
    public Instant latest(Instant moment) {
        // Whole seconds rounded down, also before the anchor: the fraction never carries a moment over a slot.
        Duration since = Duration.between(anchor, moment);
        return anchor.plusSeconds(Math.floorDiv(since.toSeconds(), period.toSeconds()) * period.toSeconds());
    }
}
