package org.tidemark.appliance.service;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.PacedTarget;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;
import org.tidemark.backup.target.TargetException;

/**
 * The open repositories, one for each target: opened at their first use and kept, so that what was learnt of them stays. One that
 * failed in a way that puts its identity in doubt is opened anew next time. Safe for many threads.
 */
@Singleton
public final class Repositories {
    private static final Logger LOG = Logger.getLogger(Repositories.class);
    private static final Duration STATUS_AGE = Duration.ofSeconds(60);

    private final Targets targets;
    private final TargetOpener opener;
    private final Map<String, Slot> slots = new ConcurrentHashMap<>();
    private final Map<String, Status> statuses = new ConcurrentHashMap<>();

    /** A target and the repository on it; the repository does not own the target. */
    private record Open(TargetEntry entry, BackupTarget target, BackupRepository repository) {
        void close() {
            repository.close();
            target.close();
        }
    }

    /** What is open of one target; its own lock guards it. */
    private static final class Slot {
        private @Nullable Open open;
        /** No longer handed out; jobs may still use them. */
        private final List<Open> retired = new ArrayList<>();

        private void retire() {
            if (open != null) {
                retired.add(open);
                open = null;
            }
        }
    }

    /** Whether a target answered last time. */
    public record Status(
            boolean reachable, Instant checkedAt, @Nullable String error) {}

    @Inject
    public Repositories(Targets targets, TargetOpener opener) {
        this.targets = targets;
        this.opener = opener;
    }

    /** The named target, or the only one there is that is no replica. */
    public TargetEntry choose(@Nullable String name) throws IOException {
        if (name != null) {
            return targets.get(name);
        }
        List<TargetEntry> all =
                targets.all().stream().filter(entry -> !entry.isReplica()).toList();
        if (all.size() == 1) {
            return all.get(0);
        }
        throw ApplianceException.usage(
                all.isEmpty()
                        ? "there is no target; add one with 'tidemark target add'"
                        : "there are " + all.size() + " targets; say which: "
                                + all.stream().map(TargetEntry::name).toList());
    }

    /** Refuses a replica: what is written there and not at its source would part the two for ever. */
    public static void demandWritable(TargetEntry entry) throws ApplianceException {
        if (entry.isReplica()) {
            throw ApplianceException.conflict("target '" + entry.name() + "' is a replica of '" + entry.replicaOf()
                    + "', so nothing else may be written there; back up to '" + entry.replicaOf()
                    + "', or make it a target of its own with 'tidemark replicate promote " + entry.name() + "'");
        }
    }

    /** The repository of a target; belongs to this object, which closes it. Refuses any other that lies there. */
    public BackupRepository of(TargetEntry entry) throws IOException {
        return opened(entry).repository();
    }

    /** Targets are opened side by side: one that hangs holds up nobody else. */
    private Open opened(TargetEntry entry) throws IOException {
        Slot slot = slots.computeIfAbsent(entry.name(), name -> new Slot());
        synchronized (slot) {
            Open known = slot.open;
            if (known == null || !known.entry().equals(entry)) {
                slot.retire();
                known = open(entry);
                slot.open = known;
            }
            return known;
        }
    }

    private Open open(TargetEntry entry) throws IOException {
        BackupTarget target = opener.open(entry);
        boolean done = false;
        try {
            ProbeReport report = TargetOpener.probe(target);
            if (report.capabilities().shared() == entry.singleWriter()) {
                LOG.warnf(
                        "target %s behaves otherwise than when it was added: %s",
                        entry.name(), report.notice().orElse("it keeps writers apart now"));
            }
            BackupRepository repository = BackupRepository.open(
                    opener.decorated(target, RetryPolicy.forPeople(), new RequestCounter(), () -> false),
                    Optional.of(entry.repositoryId()),
                    RepositoryOptions.defaults());
            done = true;
            return new Open(entry, target, repository);
        } finally {
            if (!done) {
                target.close();
            }
        }
    }

    /**
     * The repository of a target as a job uses it: with patience, and with its requests counted. Nobody need close it.
     */
    public BackupRepository forJob(TargetEntry entry, RequestCounter counter, BooleanSupplier cancelled)
            throws IOException {
        Open open = opened(entry);
        return open.repository().through(opener.decorated(open.target(), RetryPolicy.forJobs(), counter, cancelled));
    }

    /** A target as a replication uses it, and the repository on it. Nobody need close either. */
    public record Paced(BackupTarget target, BackupRepository repository) {}

    /** The same for a replication: what it sends keeps the pace of the link. */
    public Paced forReplication(TargetEntry entry, RequestCounter counter, LinkPace pace, BooleanSupplier cancelled)
            throws IOException {
        Open open = opened(entry);
        BackupTarget target =
                opener.decorated(PacedTarget.of(open.target(), pace), RetryPolicy.forJobs(), counter, cancelled);
        return new Paced(target, open.repository().through(target));
    }

    /** What a use of a target showed of it; null when it went well. A failure of something else says nothing. */
    public void seen(String name, @Nullable IOException failure) {
        boolean ofTarget = failure instanceof TargetException
                || failure instanceof RepositoryException
                || failure instanceof ApplianceException;
        if (failure != null && !ofTarget) {
            return;
        }
        statuses.put(
                name, new Status(failure == null, Instant.now(), failure == null ? null : FailureKind.words(failure)));
        if (failure != null && FailureKind.of(failure) == FailureKind.UNREACHABLE) {
            forget(name);
        }
    }

    /** Whether a target answers; asked now when the last answer is old. */
    public Status status(TargetEntry entry) {
        Status known = statuses.get(entry.name());
        if (known != null && known.checkedAt().isAfter(Instant.now().minus(STATUS_AGE))) {
            return known;
        }
        return check(entry);
    }

    /** The last answer; null when it was never asked. */
    public @Nullable Status lastStatus(String name) {
        return statuses.get(name);
    }

    /** Whether a target answers; asked now. */
    public Status check(TargetEntry entry) {
        IOException failure = null;
        try (BackupTarget target = opener.open(entry)) {
            BackupRepository.open(target, Optional.of(entry.repositoryId()), RepositoryOptions.defaults())
                    .close();
        } catch (IOException e) {
            failure = e;
        }
        seen(entry.name(), failure);
        return statuses.getOrDefault(entry.name(), new Status(failure == null, Instant.now(), null));
    }

    /** The target is opened anew at its next use; jobs that use it now go on with what they have. */
    public void forget(String name) {
        Slot slot = slots.get(name);
        if (slot != null) {
            synchronized (slot) {
                slot.retire();
            }
        }
    }

    @PreDestroy
    void close() {
        for (Slot slot : slots.values()) {
            synchronized (slot) {
                slot.retire();
                slot.retired.forEach(Open::close);
                slot.retired.clear();
            }
        }
    }
}
