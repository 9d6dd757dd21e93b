package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RpoMonitorTest {
    private static final Schedule FIVE_MINUTES = EverySchedule.of(Duration.ofMinutes(5));
    private static final Schedule NIGHTLY = CronSchedule.of("0 3 * * *", ZoneId.of("Europe/Berlin"));
    private static final Schedule WORKDAYS = CronSchedule.of("0 20 * * 1-5", ZoneId.of("Europe/Berlin"));
    private static final String SINCE = "2026-11-01T00:00:00Z";

    private static RpoMonitor.Status status(@Nullable String newest, Schedule schedule, String now) {
        Instant at = Instant.parse(now);
        return RpoMonitor.status(
                newest == null ? null : Instant.parse(newest),
                schedule,
                RpoMonitor.grace(schedule, Jitter.NONE, at),
                Instant.parse(SINCE),
                at);
    }

    @Test
    void safeUntilASlotAndItsGraceHavePassed() {
        String newest = "2026-11-22T12:00:03Z";
        assertThat(status(newest, FIVE_MINUTES, "2026-11-22T12:07:30Z").state()).isEqualTo(RpoMonitor.State.SAFE);
        RpoMonitor.Status late = status(newest, FIVE_MINUTES, "2026-11-22T12:07:31Z");
        assertThat(late.state()).isEqualTo(RpoMonitor.State.LATE);
        assertThat(late.age()).isEqualTo(Duration.ofSeconds(448));
        assertThat(late.rpo()).isEqualTo(Duration.ofSeconds(450));
        assertThat(late.lateSince()).isEqualTo("2026-11-22T12:07:30Z");
    }

    @Test
    void aDayOfTwentyFiveHoursIsNotLate() {
        String newest = "2026-10-24T01:00:05Z";
        Instant since = Instant.parse("2026-10-01T00:00:00Z");
        Instant now = Instant.parse("2026-10-25T02:09:59Z");
        assertThat(RpoMonitor.status(Instant.parse(newest), NIGHTLY, Duration.ofMinutes(10), since, now)
                        .state())
                .isEqualTo(RpoMonitor.State.SAFE);
    }

    @Test
    void aWeekendWithoutSlotsIsSafe() {
        assertThat(status("2026-11-20T19:00:10Z", WORKDAYS, "2026-11-23T18:59:00Z")
                        .state())
                .isEqualTo(RpoMonitor.State.SAFE);
        assertThat(status("2026-11-20T19:00:10Z", WORKDAYS, "2026-11-23T21:00:01Z")
                        .state())
                .isEqualTo(RpoMonitor.State.LATE);
    }

    @Test
    void withoutAPoint() {
        assertThat(status(null, FIVE_MINUTES, "2026-11-01T00:06:00Z").state()).isEqualTo(RpoMonitor.State.AWAITED);
        assertThat(status(null, FIVE_MINUTES, "2026-11-01T01:00:00Z").state()).isEqualTo(RpoMonitor.State.NEVER);
        assertThat(status(null, FIVE_MINUTES, "2026-11-01T01:00:00Z").age()).isNull();
    }

    @Test
    void aPointOfTheFutureIsNoComfort() {
        assertThat(status("2026-11-22T15:00:00Z", FIVE_MINUTES, "2026-11-22T12:00:00Z")
                        .state())
                .isEqualTo(RpoMonitor.State.UNKNOWN);
        RpoMonitor.Status second = status("2026-11-22T12:00:01Z", FIVE_MINUTES, "2026-11-22T12:00:00Z");
        assertThat(second.state()).isEqualTo(RpoMonitor.State.SAFE);
        assertThat(second.age()).isZero();
    }
}
