package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Never two runs for a slot, never a storm, never a stall: over downtime, long jobs and a clock that is set. */
final class PlannerPropertyTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    private static PlannerSimulation simulation(PlannerSimulation.Plans planner, Random random, boolean mayJump) {
        List<Schedule> schedules = List.of(
                EverySchedule.of(Duration.ofMinutes(5)),
                EverySchedule.of(Duration.ofMinutes(7)),
                EverySchedule.of(Duration.ofHours(3)),
                CronSchedule.of("*/15 * * * *", BERLIN),
                CronSchedule.of("30 2 * * *", BERLIN),
                CronSchedule.of("0 8,12,18 * * *", BERLIN));
        Schedule schedule = schedules.get(random.nextInt(schedules.size()));
        Jitter jitter = random.nextBoolean() ? Jitter.NONE : new Jitter(Duration.ofSeconds(random.nextInt(4000)));
        MissedRuns missed = random.nextInt(3) == 0 ? MissedRuns.SKIP : MissedRuns.RUN_ONCE;
        // Skipping lets slots go by design: how long it may wait is only bounded while nothing is missed.
        boolean jumps = mayJump && missed == MissedRuns.RUN_ONCE;
        return new PlannerSimulation(planner, random, schedule, jitter, missed, jumps);
    }

    @Test
    void noSlotTwiceNoStormNoStall() throws Exception {
        int[] starts = new int[1];
        for (long seed : Seeds.of(12).toArray()) {
            Seeds.replayable(
                    PlannerPropertyTest.class,
                    seed,
                    random ->
                            starts[0] += simulation(Planner::plan, random, true).run());
        }
        assertThat(starts[0]).isPositive();
    }

    /** Controls: a planner that forgets, one that catches up slot by slot, one that waits for the old time. */
    @Test
    void theSimulationCatchesWrongPlanners() {
        assertThat(caught((policies, now) -> Planner.plan(forget(policies), now)))
                .isGreaterThan(5);
        assertThat(caught(PlannerPropertyTest::slotBySlot)).isGreaterThan(5);
        assertThat(caught(PlannerPropertyTest::waitingForOldTime)).isPositive();
    }

    private static int caught(PlannerSimulation.Plans planner) {
        int caught = 0;
        for (long seed = 1; seed <= 12; seed++) {
            try {
                simulation(planner, new Random(seed), true).run();
            } catch (AssertionError e) {
                caught++;
            }
        }
        return caught;
    }

    private static List<PolicyState> forget(List<PolicyState> policies) {
        PolicyState state = policies.get(0);
        List<PolicyState.ContainerState> containers = state.containers().stream()
                .map(one -> new PolicyState.ContainerState(one.container(), null, one.running()))
                .toList();
        return List.of(new PolicyState(
                state.policy(), state.schedule(), state.jitter(), state.missed(), true, state.since(), containers));
    }

    private static Plan slotBySlot(List<PolicyState> policies, Instant now) {
        PolicyState state = policies.get(0);
        List<Plan.Run> due = new ArrayList<>();
        for (PolicyState.ContainerState one : state.containers()) {
            Instant last = one.lastSlot();
            Instant slot = state.schedule().next(last == null ? state.since() : last);
            if (!one.running() && !slot.isAfter(now)) {
                due.add(new Plan.Run(state.policy(), one.container(), slot, slot));
            }
        }
        return new Plan(due, List.of(), now.plusSeconds(60));
    }

    private static Plan waitingForOldTime(List<PolicyState> policies, Instant now) {
        Plan plan = Planner.plan(policies, now);
        List<Plan.Run> due = plan.due().stream()
                .filter(run -> policies.get(0).containers().stream()
                        .filter(one -> one.container().equals(run.container()))
                        .allMatch(one -> one.lastSlot() == null || run.slot().isAfter(one.lastSlot())))
                .toList();
        return new Plan(due, plan.skipped(), plan.lookAgainAt());
    }
}
