package org.tidemark.appliance.service.replication;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.TargetOpener;
import org.tidemark.appliance.service.TargetRegistry;
import org.tidemark.backup.replication.Divergence;
import org.tidemark.backup.replication.PlaceMark;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.scheduler.EverySchedule;
import org.tidemark.scheduler.ReplicaLag;

/** Adds, changes and removes replicas. */
@Singleton
public final class ReplicaRegistry {
    private static final long USUAL_EVERY_SECONDS = 300;

    private final Replicas replicas;
    private final Targets targets;
    private final TargetRegistry registry;
    private final TargetOpener opener;
    private final Repositories repositories;
    private final Policies policies;
    private final Jobs jobs;
    private final SecureRandom random = new SecureRandom();

    @Inject
    public ReplicaRegistry(
            Replicas replicas,
            Targets targets,
            TargetRegistry registry,
            TargetOpener opener,
            Repositories repositories,
            Policies policies,
            Jobs jobs) {
        this.replicas = replicas;
        this.targets = targets;
        this.registry = registry;
        this.opener = opener;
        this.repositories = repositories;
        this.policies = policies;
        this.jobs = jobs;
    }

    /**
     * How a replica is to be kept up; null for the usual, or for what is there already.
     *
     * @param enabled whether it runs by itself
     */
    public record Terms(
            @Nullable Long everySeconds,
            @Nullable Long goalSeconds,
            @Nullable String bandwidth,
            @Nullable Boolean enabled) {}

    /** Makes a place a replica of a target; it becomes a target too. */
    public ReplicaEntry add(TargetRegistry.Wanted wanted, String sourceName, Terms terms) throws IOException {
        TargetEntry source = sourceOf(sourceName);
        ReplicaEntry entry = entry(wanted.name(), sourceName, terms);
        BackupRepository repository = repositories.of(source);
        registry.addCopy(wanted, source, place -> {
            repository.beginReplica(place);
            requireOwnPlace(wanted.name(), place, source);
            requireNothingElse(repository, place);
        });
        replicas.add(entry);
        return entry;
    }

    /** Makes a target that is known a replica of another one, which holds the same repository: the way back after a promotion. */
    public ReplicaEntry adopt(String name, String sourceName, Terms terms) throws IOException {
        TargetEntry place = targets.get(name);
        TargetEntry source = sourceOf(sourceName);
        ReplicaEntry entry = entry(name, sourceName, terms);
        requireUnused(place);
        BackupRepository repository = repositories.of(source);
        try (BackupTarget target = opener.open(place)) {
            TargetOpener.probe(target);
            repository.beginReplica(target);
            requireOwnPlace(name, target, source);
            requireNothingElse(repository, target);
        }
        replicas.add(entry);
        return entry;
    }

    private TargetEntry sourceOf(String name) throws IOException {
        TargetEntry source = targets.get(name);
        if (source.isReplica()) {
            throw ApplianceException.usage("'" + name + "' is a replica itself; make it one of '" + source.replicaOf()
                    + "', or promote '" + name + "' first");
        }
        return source;
    }

    private static ReplicaEntry entry(String name, String source, Terms terms) throws ApplianceException {
        if (name.equals(source)) {
            throw ApplianceException.usage("a target cannot be a replica of itself: '" + name + "'");
        }
        long every = checkedEvery(terms.everySeconds() == null ? USUAL_EVERY_SECONDS : terms.everySeconds());
        long goal = terms.goalSeconds() == null
                ? ReplicaLag.usualGoal(Duration.ofSeconds(every)).toSeconds()
                : terms.goalSeconds();
        String bandwidth = terms.bandwidth() == null ? "unlimited" : terms.bandwidth();
        return ReplicaEntry.fresh(
                name, source, every, goal, ReplicaLinks.plan(bandwidth).toString(), Instant.now());
    }

    private static long checkedEvery(long seconds) throws ApplianceException {
        try {
            return EverySchedule.of(Duration.ofSeconds(seconds)).period().toSeconds();
        } catch (IllegalArgumentException e) {
            throw new ApplianceException(FailureKind.USAGE, "every: " + e.getMessage(), e);
        }
    }

    /** Nothing writes there but replication from now on. */
    private void requireUnused(TargetEntry place) throws IOException {
        String name = place.name();
        if (place.isReplica()) {
            throw ApplianceException.conflict("'" + name + "' is a replica of '" + place.replicaOf() + "' already");
        }
        List<String> users = policies.all().stream()
                .filter(policy -> policy.target().equals(name))
                .map(PolicyEntry::name)
                .toList();
        if (!users.isEmpty()) {
            throw ApplianceException.conflict("the policies " + users + " back up to '" + name
                    + "', and nothing but replication writes to a replica; give them another target first");
        }
        if (jobs.open().stream().anyMatch(job -> job.kind() == JobEntry.Kind.BACKUP && name.equals(job.target()))) {
            throw ApplianceException.conflict("a backup to '" + name + "' is under way; wait for its end or cancel it");
        }
        List<String> copies = targets.all().stream()
                .filter(other -> name.equals(other.replicaOf()))
                .map(TargetEntry::name)
                .toList();
        if (!copies.isEmpty()) {
            throw ApplianceException.conflict(
                    "'" + name + "' has the replicas " + copies + " itself; remove them first");
        }
    }

    /** Also of others that hold the same repository: two names of one place would each seem to be safe. */
    private void requireOwnPlace(String name, BackupTarget place, TargetEntry source) throws IOException {
        for (TargetEntry other : targets.all()) {
            if (other.repositoryId().equals(source.repositoryId())
                    && !other.name().equals(name)) {
                try (BackupTarget known = opener.open(other)) {
                    requireApart(place, known, other);
                }
            }
        }
    }

    private void requireApart(BackupTarget place, BackupTarget known, TargetEntry other) throws IOException {
        if (PlaceMark.isSamePlace(place, known, random)) {
            throw ApplianceException.conflict(place.describe() + " is the place of target '" + other.name()
                    + "' already, by another name, or a copy of it that something else made; a replica needs a place of"
                    + " its own");
        }
    }

    private static void requireNothingElse(BackupRepository source, BackupTarget place) throws IOException {
        try (BackupRepository there =
                BackupRepository.open(place, Optional.of(source.id()), RepositoryOptions.defaults())) {
            Divergence.refuse(source, there);
        } catch (RepositoryException e) {
            if (e.kind() != RepositoryException.Kind.DIVERGED) {
                throw e;
            }
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    e.getMessage() + ". Restore from it what is needed, then take an empty place",
                    e);
        }
    }

    /** Changes what is given; it counts at once, also for a run under way. */
    public ReplicaEntry update(String name, Terms terms) throws IOException {
        ReplicaEntry before = replicas.get(name);
        ReplicaEntry entry = new ReplicaEntry(
                name,
                before.source(),
                terms.everySeconds() == null ? before.everySeconds() : checkedEvery(terms.everySeconds()),
                terms.goalSeconds() == null ? before.goalSeconds() : terms.goalSeconds(),
                terms.bandwidth() == null
                        ? before.bandwidth()
                        : ReplicaLinks.plan(terms.bandwidth()).toString(),
                terms.enabled() == null ? before.enabled() : terms.enabled(),
                before.createdAt(),
                before.lastSlotAt(),
                before.lastRunAt(),
                before.lastSuccessAt(),
                before.lastError());
        replicas.update(entry);
        return replicas.get(name);
    }

    /** Ends it and forgets the target; what it holds stays. */
    public void remove(String name) throws IOException {
        replicas.get(name);
        if (jobs.open().stream().anyMatch(job -> name.equals(job.target()))) {
            throw ApplianceException.conflict("a job uses '" + name + "'; wait for its end or cancel it (and"
                    + " 'tidemark replicate set " + name + " --pause', so that no other begins)");
        }
        replicas.remove(name);
        registry.remove(name);
    }
}
