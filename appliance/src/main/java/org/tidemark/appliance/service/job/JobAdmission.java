package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.scheduler.JobQueue;

/** Which queued jobs may start: within the bounds of this host and of each target, one for a container. */
@Singleton
public final class JobAdmission {
    private final int maxOfHost;
    private final Targets targets;

    @Inject
    public JobAdmission(ApplianceConfig config, Targets targets) {
        this.maxOfHost = Math.max(1, config.jobs().max());
        this.targets = targets;
    }

    /** Those of the open jobs that start now, in this order. */
    List<JobEntry> next(List<JobEntry> open) {
        Map<String, JobEntry> byId = open.stream().collect(Collectors.toMap(JobAdmission::idOf, entry -> entry));
        Map<String, Integer> limits =
                targets.all().stream().collect(Collectors.toMap(TargetEntry::name, TargetEntry::maxJobs));
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
                        new JobQueue.Limits(maxOfHost, limits),
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
