package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Whether a container is as safe as its schedule promises. What counts is the newest committed point, by the instant of
 * its snapshot: what was written after it is what a loss would cost now.
 *
 * <p>The promise: a slot, and then a grace for the jitter and for the backup itself. When that has passed, a point at
 * the slot or newer must be there. It does not matter which policy or person made it.
 */
public final class RpoMonitor {
    private static final Duration LEAST_GRACE = Duration.ofMinutes(1);
    private static final Duration MOST_GRACE = Duration.ofHours(2);

    private RpoMonitor() {}

    /** The answer. */
    public enum State {
        /** The newest point is as new as promised. */
        SAFE,
        /** A slot and its grace have passed without a point. */
        LATE,
        /** No point yet; the first is not overdue. */
        AWAITED,
        /** No point, and the first is overdue. */
        NEVER,
        /** The newest point is of the future: a clock is or was wrong, so its age says nothing. */
        UNKNOWN
    }

    /**
     * @param age of the newest point, null without one
     * @param rpo the age up to which the schedule is kept: the gap between its slots around now, and the grace
     * @param lateSince when the promise was broken, null while it holds
     */
    public record Status(
            State state,
            @Nullable Duration age,
            Duration rpo,
            @Nullable Instant lateSince) {}

    /** The usual grace: the jitter and half the gap between slots, the latter from a minute to two hours. */
    public static Duration grace(Schedule schedule, Jitter jitter, Instant now) {
        Duration half = schedule.gap(now).dividedBy(2);
        Duration allowance = half.compareTo(LEAST_GRACE) < 0 ? LEAST_GRACE : half;
        return (allowance.compareTo(MOST_GRACE) > 0 ? MOST_GRACE : allowance).plus(jitter.most());
    }

    /**
     * How safe it is at {@code now}.
     *
     * @param newest instant of the newest committed point, null without one
     * @param since from when the schedule holds for the container
     */
    public static Status status(
            @Nullable Instant newest, Schedule schedule, Duration grace, Instant since, Instant now) {
        Duration rpo = schedule.gap(now).plus(grace);
        if (newest != null && newest.isAfter(now.plus(grace))) {
            return new Status(State.UNKNOWN, Duration.ZERO, rpo, null);
        }
        Duration age = newest == null ? null : nonNegative(Duration.between(newest, now));
        // The first slot that the newest point does not cover: a point at a slot covers it.
        Instant from = newest == null || newest.isBefore(since) ? since : newest;
        Instant deadline = schedule.next(from).plus(grace);
        boolean late = now.isAfter(deadline);
        State state = newest == null ? (late ? State.NEVER : State.AWAITED) : (late ? State.LATE : State.SAFE);
        return new Status(state, age, rpo, late ? deadline : null);
    }

    private static Duration nonNegative(Duration duration) {
        return duration.isNegative() ? Duration.ZERO : duration;
    }
}
