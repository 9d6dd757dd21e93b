package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How far a replica is behind its source, for one container.
 *
 * @param waiting points of the source that are newer than all that the replica has
 * @param leftOut older ones that it lacks: they could not be copied
 * @param lag how long the first of those that wait has waited; nothing when none waits
 * @param newestAtSource instant of the newest point there, null without one
 * @param newestAtReplica instant of the newest point here, null without one
 */
public record ReplicaLag(
        State state,
        int waiting,
        int leftOut,
        Duration lag,
        @Nullable Instant newestAtSource,
        @Nullable Instant newestAtReplica) {
    /** In a word. */
    public enum State {
        /** The replica has every point. */
        IN_STEP,
        /** Points wait, none for longer than it may. */
        BEHIND,
        /** One has waited for too long. */
        LATE
    }

    /** A point of one of the two. */
    public record Known(long sequence, Instant instant) {}

    /**
     * The lag at {@code now}.
     *
     * @param since from when on the replica is kept up: nobody waits from before
     * @param goal how long a point may wait
     */
    public static ReplicaLag of(List<Known> source, List<Known> replica, Instant since, Duration goal, Instant now) {
        Set<Long> there = replica.stream().map(Known::sequence).collect(java.util.stream.Collectors.toSet());
        long last = there.stream().mapToLong(Long::longValue).max().orElse(0);
        List<Known> waiting =
                source.stream().filter(point -> point.sequence() > last).toList();
        int leftOut = (int) source.stream()
                .filter(point -> point.sequence() < last && !there.contains(point.sequence()))
                .count();
        Duration lag = waiting.stream()
                .map(Known::instant)
                .min(Instant::compareTo)
                .map(first -> Duration.between(first.isBefore(since) ? since : first, now))
                .filter(time -> !time.isNegative())
                .orElse(Duration.ZERO);
        State state = waiting.isEmpty() ? State.IN_STEP : lag.compareTo(goal) > 0 ? State.LATE : State.BEHIND;
        return new ReplicaLag(state, waiting.size(), leftOut, lag, newest(source), newest(replica));
    }

    private static @Nullable Instant newest(List<Known> points) {
        return points.stream().map(Known::instant).max(Instant::compareTo).orElse(null);
    }

    /** The usual goal of a replica that is brought up so often: three turns, but ten minutes at least. */
    public static Duration usualGoal(Duration every) {
        Duration turns = every.multipliedBy(3);
        return turns.compareTo(LEAST_GOAL) < 0 ? LEAST_GOAL : turns;
    }

    private static final Duration LEAST_GOAL = Duration.ofMinutes(10);
}
