package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** Which targets are replicas of which, and how the last runs went. */
@Singleton
public final class Replicas {
    private static final int MAX_ERROR = 2_000;

    private final Jdbi jdbi;

    @Inject
    public Replicas(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** Sorted by name. */
    public List<ReplicaEntry> all() {
        return jdbi.withHandle(handle -> handle.createQuery("select * from replica order by target")
                .map((row, context) -> new ReplicaEntry(
                        row.getString("target"),
                        row.getString("source"),
                        row.getLong("every_seconds"),
                        row.getLong("goal_seconds"),
                        row.getString("bandwidth"),
                        row.getBoolean("enabled"),
                        Columns.time(row, "created_at"),
                        Columns.timeOrNull(row, "last_slot_at"),
                        Columns.timeOrNull(row, "last_run_at"),
                        Columns.timeOrNull(row, "last_success_at"),
                        row.getString("last_error")))
                .list());
    }

    public Optional<ReplicaEntry> find(String target) {
        return all().stream().filter(entry -> entry.target().equals(target)).findFirst();
    }

    public ReplicaEntry get(String target) throws ApplianceException {
        List<String> known = all().stream().map(ReplicaEntry::target).toList();
        return find(target)
                .orElseThrow(() -> ApplianceException.notFound("there is no replica '" + target + "'"
                        + (known.isEmpty() ? "; add one with 'tidemark replicate add'" : "; there are " + known)));
    }

    public void add(ReplicaEntry entry) throws ApplianceException {
        try {
            jdbi.useHandle(handle -> handle.createUpdate("""
                            insert into replica (target, source, every_seconds, goal_seconds, bandwidth, enabled, created_at)
                            values (:target, :source, :every, :goal, :bandwidth, :enabled, :at)
                            """)
                    .bind("target", entry.target())
                    .bind("source", entry.source())
                    .bind("every", entry.everySeconds())
                    .bind("goal", entry.goalSeconds())
                    .bind("bandwidth", entry.bandwidth())
                    .bind("enabled", entry.enabled())
                    .bind("at", entry.createdAt().toEpochMilli())
                    .execute());
        } catch (UnableToExecuteStatementException e) {
            throw Names.existsOr(e, "replica", entry.target());
        }
    }

    /** Replaces what a person may choose. */
    public void update(ReplicaEntry entry) throws ApplianceException {
        get(entry.target());
        jdbi.useHandle(handle -> handle.createUpdate("""
                        update replica set every_seconds = :every, goal_seconds = :goal, bandwidth = :bandwidth,
                            enabled = :enabled
                        where target = :target
                        """)
                .bind("target", entry.target())
                .bind("every", entry.everySeconds())
                .bind("goal", entry.goalSeconds())
                .bind("bandwidth", entry.bandwidth())
                .bind("enabled", entry.enabled())
                .execute());
    }

    /** It is a target as any other from now on; what it holds stays. */
    public void remove(String target) throws ApplianceException {
        get(target);
        jdbi.useHandle(handle -> handle.createUpdate("delete from replica where target = :target")
                .bind("target", target)
                .execute());
    }

    /** The slot counts as taken. */
    public void slotTaken(String target, Instant slot) {
        jdbi.useHandle(handle -> handle.createUpdate("update replica set last_slot_at = :slot where target = :target")
                .bind("target", target)
                .bind("slot", slot.toEpochMilli())
                .execute());
    }

    /** A run has ended; {@code error} is null when it went well. */
    public void ran(String target, Instant at, @Nullable String error) {
        String cut = error == null || error.length() <= MAX_ERROR ? error : error.substring(0, MAX_ERROR);
        jdbi.useHandle(handle -> handle.createUpdate("""
                        update replica set last_run_at = :at, last_error = :error,
                            last_success_at = coalesce(cast(:success as bigint), last_success_at)
                        where target = :target
                        """)
                .bind("target", target)
                .bind("at", at.toEpochMilli())
                .bind("error", cut)
                .bind("success", error == null ? at.toEpochMilli() : null)
                .execute());
    }
}
