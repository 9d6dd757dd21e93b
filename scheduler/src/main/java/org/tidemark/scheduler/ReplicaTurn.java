package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * When a replica is brought up next. Turns that were missed, because the appliance was off or a run took longer, are one
 * turn. A turn in which nothing is known to wait is left out, but for a look now and then: others may write to the source.
 */
public final class ReplicaTurn {
    /** How long it goes without a look at most, unless its turns are further apart. */
    static final Duration LOOK = Duration.ofMinutes(15);

    private ReplicaTurn() {}

    /**
     * The slot whose turn it is at {@code now}; empty when it is nobody's.
     *
     * @param lastSlot the slot that was taken last, null before the first
     * @param lastSuccess when the last run ended well; null when there was none, or when a later one failed
     * @param wanted whether something is known to wait, or cannot be known; asked only when a slot is due
     */
    public static Optional<Instant> due(
            Schedule schedule,
            @Nullable Instant lastSlot,
            @Nullable Instant lastSuccess,
            BooleanSupplier wanted,
            Instant now) {
        Instant slot = schedule.latest(now);
        if (lastSlot != null && !slot.isAfter(lastSlot)) {
            return Optional.empty();
        }
        boolean looked = lastSuccess != null && lastSuccess.isAfter(now.minus(LOOK));
        return !looked || wanted.getAsBoolean() ? Optional.of(slot) : Optional.empty();
    }
}
