package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.tidemark.appliance.failure.ApplianceException;

/** The targets of this appliance. */
@Singleton
public final class Targets {
    private final Jdbi jdbi;

    @Inject
    public Targets(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** Sorted by name. */
    public List<TargetEntry> all() {
        return jdbi.withHandle(handle -> handle.createQuery("""
                        select t.*, r.source as replica_of from target t left join replica r on r.target = t.name
                        order by t.name
                        """)
                .map((row, context) -> new TargetEntry(
                        row.getString("name"),
                        TargetEntry.Kind.valueOf(row.getString("kind")),
                        Columns.map(row.getString("settings_json")),
                        row.getString("sealed_secrets"),
                        row.getString("repository_id"),
                        row.getInt("max_jobs"),
                        row.getBoolean("single_writer"),
                        row.getString("notice"),
                        Columns.time(row, "created_at"),
                        row.getString("replica_of")))
                .list());
    }

    public Optional<TargetEntry> find(String name) {
        return all().stream().filter(entry -> entry.name().equals(name)).findFirst();
    }

    public TargetEntry get(String name) throws ApplianceException {
        return find(name)
                .orElseThrow(() -> ApplianceException.notFound(Names.unknown(
                        "target", name, all().stream().map(TargetEntry::name).toList())));
    }

    public void add(TargetEntry entry) throws ApplianceException {
        Names.check(entry.name());
        try {
            jdbi.useHandle(handle -> handle.createUpdate("""
                            insert into target (name, kind, settings_json, sealed_secrets, repository_id, max_jobs,
                                single_writer, notice, created_at)
                            values (:name, :kind, :settings, :secrets, :repository, :maxJobs, :single, :notice, :at)
                            """)
                    .bind("name", entry.name())
                    .bind("kind", entry.kind().name())
                    .bind("settings", Columns.json(entry.settings()))
                    .bind("secrets", entry.sealedSecrets())
                    .bind("repository", entry.repositoryId())
                    .bind("maxJobs", entry.maxJobs())
                    .bind("single", entry.singleWriter())
                    .bind("notice", entry.notice())
                    .bind("at", entry.createdAt().toEpochMilli())
                    .execute());
        } catch (UnableToExecuteStatementException e) {
            throw Names.existsOr(e, "target", entry.name());
        }
    }

    /** Replaces everything but name, kind, repository and time. */
    public void update(TargetEntry entry) throws ApplianceException {
        get(entry.name());
        jdbi.useHandle(handle -> handle.createUpdate("""
                        update target set settings_json = :settings, sealed_secrets = :secrets, max_jobs = :maxJobs,
                            single_writer = :single, notice = :notice
                        where name = :name
                        """)
                .bind("name", entry.name())
                .bind("settings", Columns.json(entry.settings()))
                .bind("secrets", entry.sealedSecrets())
                .bind("maxJobs", entry.maxJobs())
                .bind("single", entry.singleWriter())
                .bind("notice", entry.notice())
                .execute());
    }

    /** Forgets a target; nothing on it is touched. Policies must not use it. */
    public void remove(String name) throws ApplianceException {
        get(name);
        jdbi.useHandle(handle -> handle.createUpdate("delete from target where name = :name")
                .bind("name", name)
                .execute());
    }
}
