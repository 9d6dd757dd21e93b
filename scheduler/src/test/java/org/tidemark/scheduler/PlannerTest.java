package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class PlannerTest {
    private static final Schedule FIVE_MINUTES = EverySchedule.of(Duration.ofMinutes(5));
    private static final Schedule DAILY = CronSchedule.of("0 2 * * *", ZoneOffset.UTC);
    private static final Instant SINCE = Instant.parse("2026-11-01T00:00:30Z");

    private static PolicyState state(Schedule schedule, MissedRuns missed, @Nullable String lastSlot, boolean running) {
        Instant last = lastSlot == null ? null : Instant.parse(lastSlot);
        return new PolicyState(
                "p",
                schedule,
                Jitter.NONE,
                missed,
                true,
                SINCE,
                List.of(new PolicyState.ContainerState("web", last, running)));
    }

    private static Plan plan(PolicyState state, String now) {
        return Planner.plan(List.of(state), Instant.parse(now));
    }

    private static @Nullable String dueSlot(PolicyState state, String now) {
        List<Plan.Run> due = plan(state, now).due();
        return due.isEmpty() ? null : due.get(0).slot().toString();
    }

    @Test
    void aNewPolicyWaitsForItsFirstSlot() {
        PolicyState state = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, null, false);
        assertThat(dueSlot(state, "2026-11-01T00:04:59Z")).isNull();
        assertThat(plan(state, "2026-11-01T00:04:30Z").lookAgainAt()).isEqualTo("2026-11-01T00:05:00Z");
        assertThat(dueSlot(state, "2026-11-01T00:05:00Z")).isEqualTo("2026-11-01T00:05:00Z");
    }

    @Test
    void downtimeBringsOneRunOrNone() {
        String lastSlot = "2026-11-10T12:00:00Z";
        String now = "2026-11-12T08:13:00Z";
        assertThat(dueSlot(state(FIVE_MINUTES, MissedRuns.RUN_ONCE, lastSlot, false), now))
                .isEqualTo("2026-11-12T08:10:00Z");
        Plan plan = plan(state(FIVE_MINUTES, MissedRuns.SKIP, lastSlot, false), now);
        assertThat(plan.due()).isEmpty();
        assertThat(plan.skipped()).extracting(run -> run.slot().toString()).containsExactly("2026-11-12T08:10:00Z");
        assertThat(dueSlot(state(FIVE_MINUTES, MissedRuns.SKIP, "2026-11-12T08:10:00Z", false), "2026-11-12T08:15:20Z"))
                .isEqualTo("2026-11-12T08:15:00Z");
    }

    @Test
    void aRunningContainerIsNotDue() {
        PolicyState state = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, "2026-11-10T12:00:00Z", true);
        assertThat(plan(state, "2026-11-10T12:30:00Z").due()).isEmpty();
    }

    @Test
    void aClockSetBackALittleDoesNotRunTheSlotAgain() {
        PolicyState state = state(DAILY, MissedRuns.RUN_ONCE, "2026-11-10T02:00:00Z", false);
        assertThat(dueSlot(state, "2026-11-10T01:50:00Z")).isNull();
        assertThat(dueSlot(state, "2026-11-10T02:00:00Z")).isNull();
        assertThat(dueSlot(state, "2026-11-11T02:00:00Z")).isEqualTo("2026-11-11T02:00:00Z");
    }

    @Test
    void aClockSetBackByHoursDoesNotStall() {
        PolicyState state = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, "2026-11-10T12:00:00Z", false);
        assertThat(dueSlot(state, "2026-11-10T09:03:00Z")).isEqualTo("2026-11-10T09:00:00Z");
        PolicyState next = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, "2026-11-10T09:00:00Z", false);
        assertThat(dueSlot(next, "2026-11-10T09:03:01Z")).isNull();
        assertThat(dueSlot(next, "2026-11-10T09:05:00Z")).isEqualTo("2026-11-10T09:05:00Z");
    }

    @Test
    void aPolicyMadeInTheFutureDoesNotStallEither() {
        PolicyState state = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, null, false);
        assertThat(dueSlot(state, "2026-10-20T09:03:00Z")).isEqualTo("2026-10-20T09:00:00Z");
        PolicyState served = state(FIVE_MINUTES, MissedRuns.RUN_ONCE, "2026-10-20T09:00:00Z", false);
        assertThat(dueSlot(served, "2026-10-20T09:04:00Z")).isNull();
    }

    @Test
    void nextRunForPeople() {
        PolicyState state = state(DAILY, MissedRuns.SKIP, "2026-11-10T02:00:00Z", false);
        PolicyState.ContainerState web = state.containers().get(0);
        assertThat(Planner.nextRunAt(state, web, Instant.parse("2026-11-10T12:00:00Z")))
                .isEqualTo("2026-11-11T02:00:00Z");
        assertThat(Planner.nextRunAt(state, web, Instant.parse("2026-11-13T12:00:00Z")))
                .isEqualTo("2026-11-14T02:00:00Z");
    }
}
