package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.scheduler.CronSchedule;
import org.tidemark.scheduler.EverySchedule;
import org.tidemark.scheduler.Jitter;
import org.tidemark.scheduler.MissedRuns;
import org.tidemark.scheduler.Planner;
import org.tidemark.scheduler.PolicyState;
import org.tidemark.scheduler.RetentionPolicy;
import org.tidemark.scheduler.RpoMonitor;
import org.tidemark.scheduler.Schedule;
import org.tidemark.scheduler.Sentences;

/** The catalogue's policies as the scheduler reads them. */
@Singleton
public final class Timetable {
    private final Policies policies;
    private final Jobs jobs;

    @Inject
    public Timetable(Policies policies, Jobs jobs) {
        this.policies = policies;
        this.jobs = jobs;
    }

    /** Refuses a schedule that makes no sense. */
    public void check(PolicyEntry.Schedule schedule) throws ApplianceException {
        schedule(schedule);
    }

    /** The schedule; USAGE when it makes no sense. */
    private static Schedule schedule(PolicyEntry.Schedule given) throws ApplianceException {
        try {
            if (given.kind() == PolicyEntry.ScheduleKind.EVERY) {
                if (given.everySeconds() == null || given.cron() != null) {
                    throw ApplianceException.usage("a schedule of kind EVERY has 'everySeconds', and no 'cron'");
                }
                return EverySchedule.of(Duration.ofSeconds(given.everySeconds()));
            }
            if (given.cron() == null || given.everySeconds() != null) {
                throw ApplianceException.usage("a schedule of kind CRON has 'cron', and no 'everySeconds'");
            }
            return CronSchedule.of(given.cron(), zone(given));
        } catch (IllegalArgumentException | DateTimeException e) {
            throw new ApplianceException(FailureKind.USAGE, "schedule: " + e.getMessage(), e);
        }
    }

    private static ZoneId zone(PolicyEntry.Schedule given) {
        return given.zone() == null ? ZoneId.systemDefault() : ZoneId.of(given.zone());
    }

    private static Jitter jitter(PolicyEntry.Schedule given) {
        return given.jitterSeconds() == null ? Jitter.NONE : new Jitter(Duration.ofSeconds(given.jitterSeconds()));
    }

    private static MissedRuns missed(PolicyEntry.Schedule given) {
        return given.missed() == PolicyEntry.Missed.SKIP ? MissedRuns.SKIP : MissedRuns.RUN_ONCE;
    }

    /** What retention means to the scheduler. */
    static RetentionPolicy retention(PolicyEntry.Retention given) {
        return new RetentionPolicy(
                count(given.last()),
                count(given.hourly()),
                count(given.daily()),
                count(given.weekly()),
                count(given.monthly()),
                count(given.yearly()),
                given.withinSeconds() == null || given.withinSeconds() == 0
                        ? null
                        : Duration.ofSeconds(given.withinSeconds()));
    }

    private static int count(@Nullable Integer number) {
        return number == null ? 0 : number;
    }

    public String sentence(PolicyEntry.Schedule given) throws ApplianceException {
        return Sentences.schedule(schedule(given), jitter(given), missed(given));
    }

    public String retentionSentence(PolicyEntry.Retention given) {
        return Sentences.retention(retention(given));
    }

    /** The next slots. */
    public List<Instant> nextRuns(PolicyEntry.Schedule given, Instant now, int count) throws ApplianceException {
        Schedule schedule = schedule(given);
        List<Instant> next = new ArrayList<>();
        Instant at = now;
        for (int i = 0; i < count; i++) {
            at = schedule.next(at);
            next.add(at);
        }
        return next;
    }

    /** What the planner has to know of all enabled policies. */
    public List<PolicyState> states() throws IOException {
        List<PolicyState> states = new ArrayList<>();
        List<Policies.Progress> progress = policies.progress();
        List<JobEntry> open = jobs.open();
        for (PolicyEntry policy : policies.all()) {
            states.add(state(policy, progress, open));
        }
        return states;
    }

    private static PolicyState state(PolicyEntry policy, List<Policies.Progress> progress, List<JobEntry> open)
            throws ApplianceException {
        Set<String> busy = open.stream()
                .filter(job ->
                        job.kind() == JobEntry.Kind.BACKUP && policy.name().equals(job.policy()))
                .map(JobEntry::container)
                .filter(Objects::nonNull)
                .collect(Collectors.toSet());
        List<PolicyState.ContainerState> containers = progress.stream()
                .filter(one -> one.policy().equals(policy.name()))
                .map(one -> new PolicyState.ContainerState(
                        one.container(), one.lastSlotAt(), busy.contains(one.container())))
                .toList();
        return new PolicyState(
                policy.name(),
                schedule(policy.schedule()),
                jitter(policy.schedule()),
                missed(policy.schedule()),
                policy.enabled(),
                policy.effectiveAt(),
                containers);
    }

    /** When a container's turn is next by a policy; empty when never, or when the policy cannot be read. */
    public static Optional<Instant> next(
            PolicyEntry policy, List<Policies.Progress> progress, String container, Instant now) {
        try {
            PolicyState state = state(policy, progress, List.of());
            return state.containers().stream()
                    .filter(one -> one.container().equals(container))
                    .findFirst()
                    .map(one -> Planner.nextRunAt(state, one, now));
        } catch (ApplianceException e) {
            return Optional.empty();
        }
    }

    /** Whether a policy's promise is kept for a container whose newest point is this old; empty when it cannot be read. */
    public Optional<RpoMonitor.Status> status(
            PolicyEntry policy, @Nullable Instant newest, Instant containerSince, Instant now) {
        try {
            Schedule schedule = schedule(policy.schedule());
            Instant since = policy.effectiveAt().isAfter(containerSince) ? policy.effectiveAt() : containerSince;
            return Optional.of(RpoMonitor.status(
                    newest, schedule, RpoMonitor.grace(schedule, jitter(policy.schedule()), now), since, now));
        } catch (ApplianceException e) {
            return Optional.empty();
        }
    }
}
