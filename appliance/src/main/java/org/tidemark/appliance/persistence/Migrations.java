package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** The migrations that this appliance took part in. */
@Singleton
public final class Migrations {
    private static final int MAX_NOTICE = 2_000;

    private final Jdbi jdbi;

    @Inject
    public Migrations(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** Newest first. */
    public List<MigrationEntry> all() {
        return jdbi.withHandle(handle -> handle.createQuery("select * from migration order by created_at desc, id")
                .map((row, context) -> new MigrationEntry(
                        row.getString("id"),
                        MigrationEntry.Direction.valueOf(row.getString("direction")),
                        row.getString("container"),
                        row.getString("peer"),
                        MigrationEntry.State.valueOf(row.getString("state")),
                        Columns.map(row.getString("details_json")),
                        row.getString("notice"),
                        Columns.time(row, "created_at"),
                        Columns.time(row, "updated_at")))
                .list());
    }

    public Optional<MigrationEntry> find(String id) {
        return all().stream().filter(entry -> entry.id().equals(id)).findFirst();
    }

    public MigrationEntry get(String id) throws ApplianceException {
        return find(id).orElseThrow(() ->
                ApplianceException.notFound("there is no migration '" + id + "'; 'tidemark migrations' lists them"));
    }

    public void add(MigrationEntry entry) {
        jdbi.useHandle(handle -> handle.createUpdate("""
                        insert into migration (id, direction, container, peer, state, details_json, notice, created_at, updated_at)
                        values (:id, :direction, :container, :peer, :state, :details, :notice, :created, :updated)
                        """)
                .bind("id", entry.id())
                .bind("direction", entry.direction().name())
                .bind("container", entry.container())
                .bind("peer", entry.peer())
                .bind("state", entry.state().name())
                .bind("details", Columns.json(entry.details()))
                .bind("notice", entry.notice())
                .bind("created", entry.createdAt().toEpochMilli())
                .bind("updated", entry.updatedAt().toEpochMilli())
                .execute());
    }

    /** Notes where it is; durable on return. */
    public void state(String id, MigrationEntry.State state, @Nullable String notice) {
        jdbi.useHandle(handle -> handle.createUpdate(
                        "update migration set state = :state, notice = :notice, updated_at = :now where id = :id")
                .bind("id", id)
                .bind("state", state.name())
                .bind("notice", notice == null ? null : notice.substring(0, Math.min(MAX_NOTICE, notice.length())))
                .bind("now", Instant.now().toEpochMilli())
                .execute());
    }

    /** Replaces what the side needs to go on; durable on return. */
    public void details(String id, Map<String, Object> details) {
        jdbi.useHandle(handle -> handle.createUpdate(
                        "update migration set details_json = :details, updated_at = :now where id = :id")
                .bind("id", id)
                .bind("details", Columns.json(details))
                .bind("now", Instant.now().toEpochMilli())
                .execute());
    }
}
