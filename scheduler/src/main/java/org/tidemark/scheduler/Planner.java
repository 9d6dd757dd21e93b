package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which containers are due. A slot is served once the caller has recorded it as the last one; a run serves the newest
 * slot that has come and all before it. A container with a job under way is never due, so slow backups do not pile up:
 * the slot is looked at again when the job has ended.
 *
 * <p>Clock set back: the last slot is then in the future. Within one slot (at most a day) that slot counts as served
 * and the one after it is awaited. Further back the last slot means nothing any more: the newest slot of the new time
 * is due at once, and from there it goes on.
 */
public final class Planner {
    /** How long a caller may sleep: what a jump of the clock can cost. */
    static final Duration LONGEST_SLEEP = Duration.ofMinutes(1);

    private static final Duration LONGEST_WAIT_FOR_OLD_TIME = Duration.ofDays(1);
    private static final Duration LONGEST_LATE_START = Duration.ofMinutes(10);
    private static final Comparator<Plan.Run> FIRST_DUE_FIRST = Comparator.comparing(Plan.Run::dueAt)
            .thenComparing(Plan.Run::policy)
            .thenComparing(Plan.Run::container);

    private Planner() {}

    /** What to do at {@code now}. */
    public static Plan plan(List<PolicyState> policies, Instant now) {
        List<Plan.Run> due = new ArrayList<>();
        List<Plan.Run> skipped = new ArrayList<>();
        Instant look = now.plus(LONGEST_SLEEP);
        for (PolicyState policy : policies) {
            if (!policy.enabled()) {
                continue;
            }
            for (PolicyState.ContainerState container : policy.containers()) {
                if (container.running()) {
                    continue;
                }
                Plan.Run run = nextRun(policy, container, now);
                if (run.dueAt().isAfter(now)) {
                    look = run.dueAt().isBefore(look) ? run.dueAt() : look;
                } else if (policy.missed() == MissedRuns.SKIP && isMissed(policy.schedule(), run, now)) {
                    skipped.add(run);
                } else {
                    due.add(run);
                }
            }
        }
        due.sort(FIRST_DUE_FIRST);
        skipped.sort(FIRST_DUE_FIRST);
        return new Plan(due, skipped, look);
    }

    /** When the container is due next by this policy, for people to read; the past or now means: at once. Null: never. */
    public static @Nullable Instant nextRunAt(PolicyState policy, PolicyState.ContainerState container, Instant now) {
        if (!policy.enabled()) {
            return null;
        }
        Plan.Run run = nextRun(policy, container, now);
        boolean passed = policy.missed() == MissedRuns.SKIP && isMissed(policy.schedule(), run, now);
        return passed ? run(policy, container, policy.schedule().next(now)).dueAt() : run.dueAt();
    }

    private static Plan.Run nextRun(PolicyState policy, PolicyState.ContainerState container, Instant now) {
        Schedule schedule = policy.schedule();
        Instant newest = schedule.latest(now);
        Instant served = served(policy, container, now);
        if (served == null || newest.isAfter(served)) {
            return run(policy, container, newest);
        }
        return run(policy, container, schedule.next(served));
    }

    /** Up to where slots need no run any more; null when all that is known is from a time that was taken back. */
    private static @Nullable Instant served(PolicyState policy, PolicyState.ContainerState container, Instant now) {
        Instant last = container.lastSlot();
        Instant since = policy.since();
        if (last != null && isFromOtherTime(policy.schedule(), last, now)) {
            last = null;
        }
        // A run in this time says more than a start of the policy that is yet to come.
        if (isFromOtherTime(policy.schedule(), since, now) || (last != null && since.isAfter(now))) {
            return last;
        }
        return last == null || last.isBefore(since) ? since : last;
    }

    /** Whether the clock was set back so far since the slot was served that waiting for it would be a stall. */
    private static boolean isFromOtherTime(Schedule schedule, Instant served, Instant now) {
        Duration ahead = Duration.between(now, served);
        return ahead.compareTo(LONGEST_WAIT_FOR_OLD_TIME) > 0 || ahead.compareTo(schedule.gap(served)) > 0;
    }

    private static boolean isMissed(Schedule schedule, Plan.Run run, Instant now) {
        Duration quarter = schedule.gap(run.slot()).dividedBy(4);
        Duration grace = quarter.compareTo(LONGEST_LATE_START) < 0 ? quarter : LONGEST_LATE_START;
        return now.isAfter(run.dueAt().plus(grace));
    }

    private static Plan.Run run(PolicyState policy, PolicyState.ContainerState container, Instant slot) {
        Instant due = policy.jitter().due(policy.policy(), container.container(), policy.schedule(), slot);
        return new Plan.Run(policy.policy(), container.container(), slot, due);
    }
}
