package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which queued jobs may start now. Oldest first, but what a person asked for goes before what the schedule wants, until
 * a scheduled job has waited for {@link #PATIENCE}: then its age counts.
 *
 * <p>No job waits for ever. A job that must wait for its target or container keeps its container: later jobs of that
 * container do not pass it (else they could keep the container busy each time the target has room). It does not keep
 * room on its target, so a busy container holds up nobody else.
 */
public final class JobQueue {
    /** How long jobs of people may go before a scheduled one. */
    static final Duration PATIENCE = Duration.ofMinutes(15);

    private JobQueue() {}

    /**
     * A job that waits.
     *
     * @param container null for a job that concerns no particular one
     * @param target null for a job that needs none
     */
    public record Queued(
            String id, @Nullable String container, @Nullable String target, boolean manual, Instant since) {}

    /** A job under way. */
    public record Running(
            String id, @Nullable String container, @Nullable String target) {}

    /**
     * How many jobs may run.
     *
     * @param host on this host
     * @param targets on each target; one not named here has no limit of its own
     */
    public record Limits(int host, Map<String, Integer> targets) {
        public Limits {
            targets = Map.copyOf(targets);
            if (host < 1 || targets.values().stream().anyMatch(limit -> limit < 1)) {
                throw new IllegalArgumentException("a limit of jobs is 1 or more: host " + host + ", " + targets);
            }
        }

        int of(String target) {
            return targets.getOrDefault(target, Integer.MAX_VALUE);
        }
    }

    /** The jobs to start now, in this order. */
    public static List<Queued> admit(List<Queued> queued, List<Running> running, Limits limits, Instant now) {
        Set<String> taken = new HashSet<>();
        Map<String, Integer> load = new HashMap<>();
        for (Running job : running) {
            occupy(job.container(), job.target(), taken, load);
        }
        int room = limits.host() - running.size();
        List<Queued> started = new ArrayList<>();
        for (Queued job : inOrder(queued, now)) {
            if (started.size() >= room) {
                break;
            }
            String container = job.container();
            String target = job.target();
            boolean free = container == null || !taken.contains(container);
            boolean reachable = target == null || load.getOrDefault(target, 0) < limits.of(target);
            if (free && reachable) {
                started.add(job);
                occupy(container, target, taken, load);
            } else if (container != null) {
                taken.add(container);
            }
        }
        return started;
    }

    private static void occupy(
            @Nullable String container, @Nullable String target, Set<String> taken, Map<String, Integer> load) {
        if (container != null) {
            taken.add(container);
        }
        if (target != null) {
            load.merge(target, 1, Integer::sum);
        }
    }

    /** The order in which jobs are looked at; also the order to show. */
    public static List<Queued> inOrder(List<Queued> queued, Instant now) {
        Instant patient = now.minus(PATIENCE);
        return queued.stream()
                .sorted(Comparator.comparing(
                                (Queued job) -> !job.manual() && job.since().isAfter(patient))
                        .thenComparing(Queued::since)
                        .thenComparing(Queued::id))
                .toList();
    }
}
