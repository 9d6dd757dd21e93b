package org.tidemark.appliance.service.replication;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ApplianceIdentity;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.PolicyRegistry;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.job.BackupWork;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.scheduler.ReplicaLag;

/** Makes replicas targets of their own; see the package for the steps. */
@Singleton
public final class Promotions {
    private static final Duration END_LIMIT = Duration.ofSeconds(20);

    private final Replicas replicas;
    private final Targets targets;
    private final Policies policies;
    private final PolicyRegistry registry;
    private final Jobs jobs;
    private final JobRunner runner;
    private final Repositories repositories;
    private final Points points;
    private final PointCache cache;
    private final ReplicaStates states;
    private final ApplianceIdentity identity;
    /** Replicas that are being promoted: no run of them begins. */
    private final Set<String> underWay = ConcurrentHashMap.newKeySet();

    @Inject
    public Promotions(
            Replicas replicas,
            Targets targets,
            Policies policies,
            PolicyRegistry registry,
            Jobs jobs,
            JobRunner runner,
            Repositories repositories,
            Points points,
            PointCache cache,
            ReplicaStates states,
            ApplianceIdentity identity) {
        this.replicas = replicas;
        this.targets = targets;
        this.policies = policies;
        this.registry = registry;
        this.jobs = jobs;
        this.runner = runner;
        this.repositories = repositories;
        this.points = points;
        this.cache = cache;
        this.states = states;
        this.identity = identity;
    }

    /**
     * What became of it.
     *
     * @param doubts what could not be proven, but a person knew better
     * @param movedPolicies those that back up to the new target now
     */
    public record Promoted(
            String target,
            String source,
            List<String> doubts,
            List<PromotionFacts.Loss> losses,
            List<String> movedPolicies) {}

    boolean mayRun(String replica) {
        return !underWay.contains(replica);
    }

    /**
     * Makes it a target of its own.
     *
     * @param really the name of the source, typed by somebody who knows that it is written no more; null to demand proof
     * @param takePolicies whether the policies that back up to the source go along
     */
    public Promoted promote(String replica, @Nullable String really, boolean takePolicies) throws IOException {
        ReplicaEntry entry = replicas.get(replica);
        if (really != null && !really.equals(entry.source())) {
            throw ApplianceException.usage("'" + replica + "' is a replica of '" + entry.source() + "', not of '"
                    + really + "'; type the name of its source");
        }
        if (!underWay.add(replica)) {
            throw ApplianceException.conflict("'" + replica + "' is being promoted already");
        }
        try {
            endRuns(replica);
            TargetEntry source = targets.get(entry.source());
            PromotionFacts facts = facts(entry, source, targets.get(replica), takePolicies);
            List<String> doubts = facts.doubts();
            if (!doubts.isEmpty() && really == null) {
                throw ApplianceException.conflict(facts.refusal());
            }
            replicas.remove(replica);
            TargetEntry target = targets.get(replica);
            cache.copyMarks(source, target);
            return new Promoted(
                    replica,
                    source.name(),
                    doubts,
                    facts.losses(),
                    takePolicies ? moved(source.name(), replica) : List.of());
        } finally {
            underWay.remove(replica);
        }
    }

    private void endRuns(String replica) throws IOException {
        long end = System.nanoTime() + END_LIMIT.toNanos();
        for (JobEntry job : runs(replica)) {
            cancel(job.id());
        }
        while (!runs(replica).isEmpty()) {
            if (System.nanoTime() - end > 0) {
                throw ApplianceException.conflict("job " + runs(replica).get(0).id() + " still sends to '" + replica
                        + "'; it was told to end, try again when it has");
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
    }

    private void cancel(long job) throws ApplianceException {
        try {
            runner.cancel(job);
        } catch (ApplianceException e) {
            if (e.kind() != FailureKind.CONFLICT) {
                throw e;
            }
            // It has just ended.
        }
    }

    private List<JobEntry> runs(String replica) {
        return jobs.open().stream()
                .filter(job -> ReplicaOrders.isRunOf(job, replica))
                .toList();
    }

    private PromotionFacts facts(ReplicaEntry entry, TargetEntry source, TargetEntry place, boolean takePolicies)
            throws IOException {
        BackupRepository here = repositories.of(place);
        for (String container : here.containers()) {
            points.refresh(place, here, container);
        }
        String sourceError = null;
        try {
            BackupRepository there = repositories.of(source);
            for (String container : there.containers()) {
                points.refresh(source, there, container);
            }
        } catch (IOException e) {
            // What to do about it is not what this is about.
            sourceError = FailureKind.words(e).split("\\. ", 2)[0];
            repositories.seen(source.name(), e);
        }
        List<PromotionFacts.Loss> losses = new ArrayList<>();
        for (Map.Entry<String, ReplicaLag> one :
                states.of(entry, source, place, Instant.now()).containers().entrySet()) {
            ReplicaLag lag = one.getValue();
            losses.add(new PromotionFacts.Loss(
                    one.getKey(), lag.waiting() + lag.leftOut(), lag.newestAtSource(), lag.newestAtReplica()));
        }
        return new PromotionFacts(
                source.name(),
                place.name(),
                sourceError,
                takePolicies ? List.of() : writers(source.name()),
                jobs.open().stream()
                        .filter(job -> job.kind() == JobEntry.Kind.BACKUP
                                && source.name().equals(job.target()))
                        .map(JobEntry::id)
                        .toList(),
                points.containers(source).stream()
                        .filter(container -> isOfAnother(source, container))
                        .toList(),
                losses);
    }

    private List<String> writers(String source) {
        return policies.all().stream()
                .filter(policy -> policy.enabled() && policy.target().equals(source))
                .map(PolicyEntry::name)
                .toList();
    }

    private boolean isOfAnother(TargetEntry source, String container) {
        return Points.last(points.known(source, container))
                .filter(point -> !isOwn(point))
                .isPresent();
    }

    private boolean isOwn(RecoveryPoint point) {
        return String.valueOf(point.definition().get(BackupWork.MADE_BY)).startsWith(identity.id() + "/");
    }

    private List<String> moved(String source, String target) throws IOException {
        List<String> names = new ArrayList<>();
        for (PolicyEntry policy : policies.all()) {
            if (policy.target().equals(source)) {
                registry.update(policy.withTarget(target));
                names.add(policy.name());
            }
        }
        return names;
    }
}
