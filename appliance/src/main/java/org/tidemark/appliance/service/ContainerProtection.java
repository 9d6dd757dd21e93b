package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.scheduler.RpoMonitor;

/** Says how well containers are protected: the newest point's age against what their policies promise. */
@Singleton
public final class ContainerProtection {
    private final Points points;
    private final Targets targets;
    private final Policies policies;
    private final Jobs jobs;
    private final Timetable timetable;

    @Inject
    public ContainerProtection(Points points, Targets targets, Policies policies, Jobs jobs, Timetable timetable) {
        this.points = points;
        this.targets = targets;
        this.policies = policies;
        this.jobs = jobs;
        this.timetable = timetable;
    }

    /** Reads what the catalogue says now, once for all containers that are asked about. */
    public Look at(Instant now) {
        Map<String, JobEntry> last = new HashMap<>();
        jobs.lastFinishedOfEach(JobEntry.Kind.BACKUP).forEach(job -> last.put(String.valueOf(job.container()), job));
        Set<String> running = jobs.open().stream()
                .filter(job -> job.kind() == JobEntry.Kind.BACKUP)
                .map(job -> String.valueOf(job.container()))
                .collect(Collectors.toSet());
        return new Look(now, targets.all(), policies.all(), policies.progress(), last, running);
    }

    /** The protection of containers at one moment. */
    public final class Look {
        private final Instant now;
        private final List<TargetEntry> targets;
        private final List<PolicyEntry> policies;
        private final List<Policies.Progress> progress;
        private final Map<String, JobEntry> lastBackups;
        private final Set<String> backedUpNow;

        private Look(
                Instant now,
                List<TargetEntry> targets,
                List<PolicyEntry> policies,
                List<Policies.Progress> progress,
                Map<String, JobEntry> lastBackups,
                Set<String> backedUpNow) {
            this.now = now;
            this.targets = targets;
            this.policies = policies;
            this.progress = progress;
            this.lastBackups = lastBackups;
            this.backedUpNow = backedUpNow;
        }

        /** The policies of a container, switched on or not. */
        public List<PolicyEntry> policiesOf(ContainerEntry container) {
            return policies.stream()
                    .filter(policy -> policy.containers().contains(container.name()))
                    .toList();
        }

        public Protection of(ContainerEntry container) {
            Optional<Points.Located> newest = points.newest(targets, container.name());
            List<PolicyEntry> active =
                    policiesOf(container).stream().filter(PolicyEntry::enabled).toList();
            @Nullable JobEntry last = lastBackups.get(container.name());
            @Nullable
            Instant newestAt = newest.map(located -> located.point().instant()).orElse(null);
            @Nullable
            Duration age = newestAt == null ? null : Duration.between(newestAt.isAfter(now) ? now : newestAt, now);
            List<RpoMonitor.Status> promises = active.stream()
                    .flatMap(policy -> timetable.status(policy, newestAt, container.createdAt(), now).stream())
                    .toList();
            @Nullable
            Duration allowed = promises.stream()
                    .map(RpoMonitor.Status::rpo)
                    .min(Duration::compareTo)
                    .orElse(null);
            boolean failed = last != null && last.state() == JobEntry.State.FAILED;
            Protection.State state = state(!active.isEmpty(), promises, failed, backedUpNow.contains(container.name()));
            return new Protection(
                    state,
                    sentence(state, age, allowed, Optional.ofNullable(last), active.isEmpty()),
                    newest.map(located -> located.point().pointId()).orElse(null),
                    newestAt,
                    newest.map(located -> located.target().name()).orElse(null),
                    allowed == null ? null : allowed.toSeconds(),
                    age == null ? null : age.toSeconds(),
                    active.stream()
                            .flatMap(policy -> Timetable.next(policy, progress, container.name(), now).stream())
                            .min(Instant::compareTo)
                            .orElse(null));
        }
    }

    private static Protection.State state(
            boolean looked, List<RpoMonitor.Status> promises, boolean failed, boolean running) {
        if (!looked) {
            return Protection.State.UNPROTECTED;
        }
        boolean kept = promises.stream().allMatch(promise -> promise.state() == RpoMonitor.State.SAFE);
        if (kept && !failed) {
            return Protection.State.SAFE;
        }
        if (running) {
            return Protection.State.RUNNING;
        }
        if (failed) {
            return Protection.State.FAILING;
        }
        boolean awaited = promises.stream()
                .allMatch(promise ->
                        promise.state() == RpoMonitor.State.SAFE || promise.state() == RpoMonitor.State.AWAITED);
        return awaited ? Protection.State.AWAITED : Protection.State.LATE;
    }

    private static String sentence(
            Protection.State state,
            @Nullable Duration age,
            @Nullable Duration allowed,
            Optional<JobEntry> last,
            boolean withoutPolicy) {
        String newest = age == null ? "there is no recovery point" : "the newest point is " + words(age) + " old";
        return switch (state) {
            case SAFE -> capital(newest) + (allowed == null ? "." : "; up to " + words(allowed) + " is fine.");
            case AWAITED -> "The first backup comes with the next run of its policy.";
            case RUNNING -> "A backup is on its way; " + newest + ".";
            case LATE ->
                capital(newest) + (allowed == null ? "." : "; it should be at most " + words(allowed) + " old.");
            case FAILING ->
                "The last backup failed: "
                        + last.map(JobEntry::error)
                                .map(error -> String.valueOf(error.get("detail")))
                                .orElse("see the job")
                        + ". " + capital(newest) + ".";
            case UNPROTECTED -> (withoutPolicy ? "No policy backs it up; " : "") + newest + ". Add it to a policy.";
        };
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    /** A length of time in its greatest unit. */
    public static String words(Duration time) {
        if (time.toDays() >= 2) {
            return time.toDays() + " days";
        }
        if (time.toHours() >= 2) {
            return time.toHours() + " hours";
        }
        if (time.toMinutes() >= 2) {
            return time.toMinutes() + " minutes";
        }
        return time.toSeconds() == 1 ? "1 second" : time.toSeconds() + " seconds";
    }
}
