package org.tidemark.appliance.service;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
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
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;

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
    private final Object lock = new Object();
    /** By target name. Guarded by lock. */
    private final Map<String, Open> open = new HashMap<>();
    /** No longer handed out; jobs may still use them. Guarded by lock. */
    private final List<Open> retired = new ArrayList<>();

    private final Map<String, Status> statuses = new ConcurrentHashMap<>();

    /** A target and the repository on it; the repository does not own the target. */
    private record Open(TargetEntry entry, BackupTarget target, BackupRepository repository) {
        void close() {
            repository.close();
            target.close();
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

    /** The named target, or the only one there is. */
    public TargetEntry choose(@Nullable String name) throws IOException {
        if (name != null) {
            return targets.get(name);
        }
        List<TargetEntry> all = targets.all();
        if (all.size() == 1) {
            return all.get(0);
        }
        throw ApplianceException.usage(
                all.isEmpty()
                        ? "there is no target; add one with 'tidemark target add'"
                        : "there are " + all.size() + " targets; say which: "
                                + all.stream().map(TargetEntry::name).toList());
    }

    /** The repository of a target; belongs to this object, which closes it. Refuses any other that lies there. */
    public BackupRepository of(TargetEntry entry) throws IOException {
        synchronized (lock) {
            Open known = open.get(entry.name());
            if (known != null && known.entry().equals(entry)) {
                return known.repository();
            }
            BackupTarget target = opener.open(entry);
            boolean done = false;
            try {
                BackupRepository repository =
                        BackupRepository.open(target, Optional.of(entry.repositoryId()), RepositoryOptions.defaults());
                open.put(entry.name(), new Open(entry, target, repository));
                done = true;
                if (known != null) {
                    retired.add(known);
                }
                return repository;
            } finally {
                if (!done) {
                    target.close();
                }
            }
        }
    }

    /**
     * The repository of a target as a job uses it: with patience, and with its requests counted. Nobody need close it.
     */
    public BackupRepository forJob(TargetEntry entry, RequestCounter counter, BooleanSupplier cancelled)
            throws IOException {
        BackupRepository repository = of(entry);
        BackupTarget bare;
        synchronized (lock) {
            Open known = open.get(entry.name());
            bare = known == null || known.repository() != repository ? null : known.target();
        }
        if (bare == null) {
            throw new ApplianceException(
                    FailureKind.UNAVAILABLE, "target '" + entry.name() + "' is being changed; try again");
        }
        return repository.through(opener.decorated(bare, RetryPolicy.forJobs(), counter, cancelled));
    }

    /** What a use of a target showed of it; null when it went well. */
    public void seen(String name, @Nullable IOException failure) {
        boolean away = failure != null && FailureKind.of(failure) == FailureKind.UNREACHABLE;
        statuses.put(
                name, new Status(failure == null, Instant.now(), failure == null ? null : FailureKind.words(failure)));
        if (away) {
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

    private Status check(TargetEntry entry) {
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
        synchronized (lock) {
            Open known = open.remove(name);
            if (known != null) {
                retired.add(known);
            }
        }
    }

    @PreDestroy
    void close() {
        synchronized (lock) {
            retired.addAll(open.values());
            open.clear();
            retired.forEach(Open::close);
            retired.clear();
        }
    }
}
