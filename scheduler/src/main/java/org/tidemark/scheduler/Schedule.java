package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;

/** An endless row of slots, the same whoever asks and whenever. Immutable. */
public sealed interface Schedule permits CronSchedule, EverySchedule {

    /** The first slot after {@code moment}, not the moment itself. */
    Instant next(Instant moment);

    /** The last slot at or before {@code moment}. */
    Instant latest(Instant moment);

    /** From the slot at or before {@code moment} to the one after it: how long one slot is the newest. */
    default Duration gap(Instant moment) {
        return Duration.between(latest(moment), next(moment));
    }
}
