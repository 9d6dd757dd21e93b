package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An appliance for ten days of real time: it asks a planner what to do, keeps what it must keep, runs jobs that last, is
 * down now and then, and its clock is set forward and back. Every start is judged by the real time, which the planner
 * never sees.
 */
final class PlannerSimulation {
    /** {@link Planner#plan}, or something that should be found to be wrong. */
    @FunctionalInterface
    interface Plans {
        Plan plan(List<PolicyState> policies, Instant now);
    }

    private static final String POLICY = "p";

    private final Plans planner;
    private final Random random;
    private final Schedule schedule;
    private final Jitter jitter;
    private final MissedRuns missed;
    private final boolean jumps;

    /** One in so many looks is followed by a disturbance: every few hours, or every few days. */
    private final int calm;

    private final Map<String, Instant> lastSlot = new HashMap<>();
    private final Map<String, Long> busyUntil = new HashMap<>();
    private final Map<String, Long> lastStart = new HashMap<>();
    private final Map<String, Set<Instant>> served = new HashMap<>();

    /** Seconds of real time; the clock shows it plus an error. */
    private long real = 1_760_000_000L;

    private long clockError;
    private final Instant since = now();
    private long excusedUntil = real;
    private final long shortestGap;
    private final long longestGap;
    private int starts;

    PlannerSimulation(
            Plans planner, Random random, Schedule schedule, Jitter jitter, MissedRuns missed, boolean jumps) {
        this.planner = planner;
        this.random = random;
        this.schedule = schedule;
        this.jitter = jitter;
        this.missed = missed;
        this.jumps = jumps;
        this.calm = random.nextBoolean() ? 500 : 6000;
        long[] gaps = gaps();
        shortestGap = gaps[0];
        longestGap = gaps[gaps.length - 1];
        for (String container : List.of("a", "b", "c")) {
            lastStart.put(container, real);
        }
    }

    int run() {
        long end = real + 10 * 86_400;
        while (real < end) {
            Plan plan = planner.plan(states(), now());
            check(plan.lookAgainAt().isAfter(now()), "looks again in the past: a busy loop");
            Set<String> started = new HashSet<>();
            for (Plan.Run due : plan.due()) {
                check(started.add(due.container()), "two runs of " + due.container() + " in one plan");
                start(due);
            }
            plan.skipped().forEach(run -> lastSlot.put(run.container(), run.slot()));
            check(plan.skipped().isEmpty() || missed == MissedRuns.SKIP, "skipped although asked to run once");
            lastStart.keySet().forEach(this::checkStall);
            disturb(Duration.between(now(), plan.lookAgainAt()).toSeconds());
        }
        return starts;
    }

    private Instant now() {
        return Instant.ofEpochSecond(real + clockError);
    }

    private List<PolicyState> states() {
        List<PolicyState.ContainerState> containers = new ArrayList<>();
        for (String name : List.of("a", "b", "c")) {
            @Nullable Instant last = lastSlot.get(name);
            containers.add(new PolicyState.ContainerState(name, last, busyUntil.getOrDefault(name, 0L) > real));
        }
        return List.of(new PolicyState(POLICY, schedule, jitter, missed, true, since, containers));
    }

    private void start(Plan.Run due) {
        String container = due.container();
        starts++;
        check(busyUntil.getOrDefault(container, 0L) <= real, "a second job of " + container);
        check(!due.slot().isAfter(now()) && !due.dueAt().isAfter(now()), "started before its slot");
        check(!due.dueAt().isBefore(due.slot()), "due before its slot");
        check(schedule.latest(due.slot()).equals(due.slot()), "not a slot: " + due.slot());
        check(schedule.latest(now()).equals(due.slot()), "an old slot, not the newest: " + due.slot());
        if (!served.computeIfAbsent(container, any -> new HashSet<>()).add(due.slot())) {
            check(false, "slot " + due.slot() + " of " + container + " runs twice");
        }
        lastSlot.put(container, due.slot());
        lastStart.put(container, real);
        if (random.nextInt(3) == 0) {
            busyUntil.put(container, real + random.nextInt((int) Math.min(7200, longestGap * 2)));
        }
    }

    /** No container waits longer than two slots and the jitter, if the appliance was up, the container idle and the clock left alone. */
    private void checkStall(String container) {
        long begin = Math.max(
                Math.max(lastStart.getOrDefault(container, 0L), busyUntil.getOrDefault(container, 0L)), excusedUntil);
        check(
                real - begin <= 2 * longestGap + Math.min(jitter.most().toSeconds(), longestGap / 2) + 120,
                container + " waits for " + (real - begin) + " s");
    }

    private void disturb(long sleep) {
        real += 1 + random.nextInt((int) Math.max(1, sleep) + 2);
        int what = random.nextInt(calm);
        if (what == 0) {
            // Down: nothing is due while nobody asks, and one run at once after it.
            real += random.nextInt(2 * 86_400);
            excusedUntil = real;
        } else if (what == 1 && jumps) {
            int by = random.nextInt(random.nextBoolean() ? 600 : 4 * 86_400);
            clockError += random.nextBoolean() ? by : -by;
            excusedUntil = Math.max(excusedUntil, real);
            // Further back than one slot before the last one served, the slots of the repeated time are new moments.
            Duration aSlot = Duration.ofSeconds(Math.min(shortestGap, 86_400));
            lastSlot.forEach((container, slot) -> {
                if (Duration.between(now(), slot).compareTo(aSlot) > 0) {
                    served.remove(container);
                }
            });
        }
    }

    /** Seconds between slots around here, sorted: the shortest first. */
    private long[] gaps() {
        return Stream.iterate(schedule.latest(now().minus(Duration.ofDays(20))), schedule::next)
                .limit(60)
                .mapToLong(slot -> schedule.gap(slot).toSeconds())
                .sorted()
                .toArray();
    }

    private void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise + "; " + schedule + ", clock " + now() + ", error " + clockError + " s");
        }
    }
}
