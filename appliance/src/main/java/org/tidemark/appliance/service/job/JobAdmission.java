package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.scheduler.JobQueue;

/**
 * Which queued jobs may start: within the bounds of this host and of each target, one for a container. Replications have a lane of
 * their own, one for a replica, so that a long one keeps no backup waiting and no backup keeps it waiting.
 */
@Singleton
public final class JobAdmission {
    /** Replications at once; each has room for some packs. */
    private static final int MAX_REPLICATIONS = 2;

    private final int maxOfHost;
    private final Targets targets;

    @Inject
    public JobAdmission(ApplianceConfig config, Targets targets) {
        this.maxOfHost = Math.max(1, config.jobs().max());
        this.targets = targets;
    }

    /** Those of the open jobs that start now, in this order. */
    List<JobEntry> next(List<JobEntry> open) {
        Map<String, Integer> limits =
                targets.all().stream().collect(Collectors.toMap(TargetEntry::name, TargetEntry::maxJobs));
        Map<Boolean, List<JobEntry>> lanes = open.stream().collect(Collectors.partitioningBy(JobAdmission::replicates));
        List<JobEntry> next = new ArrayList<>();
        next.addAll(admitted(lanes.getOrDefault(false, List.of()), new JobQueue.Limits(maxOfHost, limits)));
        limits.replaceAll((target, limit) -> 1);
        next.addAll(admitted(lanes.getOrDefault(true, List.of()), new JobQueue.Limits(MAX_REPLICATIONS, limits)));
        return next;
    }

    private static boolean replicates(JobEntry entry) {
        return entry.kind() == JobEntry.Kind.REPLICATE;
    }

    private static List<JobEntry> admitted(List<JobEntry> open, JobQueue.Limits limits) {
        Map<String, JobEntry> byId = open.stream().collect(Collectors.toMap(JobAdmission::idOf, entry -> entry));
        return JobQueue.admit(
                        open.stream()
                                .filter(entry -> entry.state() == JobEntry.State.QUEUED)
                                .map(entry -> new JobQueue.Queued(
                                        idOf(entry),
                                        entry.container(),
                                        entry.target(),
                                        entry.cause() != JobEntry.Cause.SCHEDULE,
                                        entry.createdAt()))
                                .toList(),
                        open.stream()
                                .filter(entry -> entry.state() == JobEntry.State.RUNNING)
                                .map(entry -> new JobQueue.Running(idOf(entry), entry.container(), entry.target()))
                                .toList(),
                        limits,
                        Instant.now())
                .stream()
                .map(queued -> java.util.Objects.requireNonNull(byId.get(queued.id())))
                .toList();
    }

    /** With leading zeros: ids are compared as text. */
    private static String idOf(JobEntry entry) {
        return String.format(java.util.Locale.ROOT, "%019d", entry.id());
    }
}
