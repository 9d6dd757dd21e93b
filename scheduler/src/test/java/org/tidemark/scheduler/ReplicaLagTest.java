package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How far a replica is behind, and whose turn it is. */
class ReplicaLagTest {
    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");
    private static final Instant LONG_AGO = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration GOAL = Duration.ofMinutes(10);

    /** Number n was taken n minutes after eleven. */
    private static List<ReplicaLag.Known> points(long... sequences) {
        List<ReplicaLag.Known> points = new ArrayList<>();
        for (long sequence : sequences) {
            points.add(new ReplicaLag.Known(sequence, minute(sequence)));
        }
        return points;
    }

    private static Instant minute(long minute) {
        return NOW.minusSeconds(3600).plusSeconds(minute * 60);
    }

    private static ReplicaLag lag(List<ReplicaLag.Known> source, List<ReplicaLag.Known> replica, Instant now) {
        return ReplicaLag.of(source, replica, LONG_AGO, GOAL, now);
    }

    @Test
    void inStepHasNoLagHoweverOldTheNewestPointIs() {
        ReplicaLag lag = lag(points(1, 2), points(1, 2), NOW.plus(Duration.ofDays(9)));
        assertThat(lag.state()).isEqualTo(ReplicaLag.State.IN_STEP);
        assertThat(lag.lag()).isZero();
        assertThat(lag.newestAtReplica()).isEqualTo(minute(2));
    }

    @Test
    void theFirstThatWaitsCountsAndTheGoalItselfIsNotLate() {
        ReplicaLag behind = lag(points(1, 2, 3, 9), points(1, 2), minute(13));
        assertThat(behind.state()).isEqualTo(ReplicaLag.State.BEHIND);
        assertThat(behind.lag()).isEqualTo(GOAL);
        assertThat(behind.waiting()).isEqualTo(2);
        ReplicaLag late = lag(points(1, 2, 3, 9), points(1, 2), minute(13).plusMillis(1));
        assertThat(late.state()).isEqualTo(ReplicaLag.State.LATE);
    }

    @Test
    void nobodyWaitsFromBeforeTheReplicaWasMade() {
        ReplicaLag lag = ReplicaLag.of(points(1, 2), points(), minute(50), GOAL, minute(55));
        assertThat(lag.lag()).isEqualTo(Duration.ofMinutes(5));
        assertThat(lag.state()).isEqualTo(ReplicaLag.State.BEHIND);
        assertThat(lag.newestAtReplica()).isNull();
    }

    @Test
    void whatCouldNotBeCopiedIsLeftOutAndDoesNotWait() {
        ReplicaLag lag = lag(points(1, 2, 3), points(1, 3), NOW);
        assertThat(lag.state()).isEqualTo(ReplicaLag.State.IN_STEP);
        assertThat(lag.leftOut()).isEqualTo(1);
        assertThat(lag.waiting()).isZero();
    }

    @Test
    void aClockThatRanAheadMakesNoNegativeLag() {
        assertThat(lag(points(59), points(), minute(30)).lag()).isZero();
    }

    @Test
    void theUsualGoalIsThreeTurnsButTenMinutes() {
        assertThat(ReplicaLag.usualGoal(Duration.ofSeconds(30))).isEqualTo(GOAL);
        assertThat(ReplicaLag.usualGoal(Duration.ofHours(1))).isEqualTo(Duration.ofHours(3));
    }

    private static Optional<Instant> due(Instant lastSlot, Instant lastSuccess, boolean wanted, Instant now) {
        return ReplicaTurn.due(EverySchedule.of(Duration.ofMinutes(1)), lastSlot, lastSuccess, () -> wanted, now);
    }

    @Test
    void missedTurnsAreOneTurn() {
        Instant now = minute(7).plusSeconds(20);
        assertThat(due(null, null, false, now)).contains(minute(7));
        assertThat(due(minute(1), minute(1), true, now)).contains(minute(7));
        assertThat(due(minute(7), minute(1), true, now)).isEmpty();
    }

    @Test
    void aTurnWithoutAnythingToSendIsLeftOutButForALookNowAndThen() {
        assertThat(due(minute(1), minute(1), false, minute(7))).isEmpty();
        assertThat(due(minute(1), minute(1), false, minute(16))).contains(minute(16));
        assertThat(due(minute(6), null, false, minute(7)))
                .as("the last one failed")
                .contains(minute(7));
    }
}
