package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** The policies, and which slot of its schedule each ran last for each container. */
@Singleton
public final class Policies {
    private final Jdbi jdbi;

    @Inject
    public Policies(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** What of a policy is kept as one value. */
    record Definition(PolicyEntry.Schedule schedule, PolicyEntry.Retention retention) {}

    /** How far a policy is with one container. */
    public record Progress(
            String policy,
            String container,
            @Nullable Instant lastSlotAt,
            @Nullable Instant lastRunAt) {}

    /** Sorted by name. */
    public List<PolicyEntry> all() {
        return jdbi.withHandle(handle -> {
            Map<String, List<String>> containers = new LinkedHashMap<>();
            handle.createQuery("select policy, container from policy_container order by policy, container")
                    .map((row, context) -> List.of(row.getString("policy"), row.getString("container")))
                    .forEach(pair -> containers
                            .computeIfAbsent(pair.get(0), key -> new ArrayList<>())
                            .add(pair.get(1)));
            return handle.createQuery("select * from policy order by name")
                    .map((row, context) -> {
                        Definition definition = Columns.object(row.getString("definition_json"), Definition.class);
                        String name = row.getString("name");
                        return new PolicyEntry(
                                name,
                                row.getString("target"),
                                containers.getOrDefault(name, List.of()),
                                definition.schedule(),
                                definition.retention(),
                                row.getBoolean("enabled"),
                                Columns.time(row, "created_at"),
                                Columns.time(row, "effective_at"));
                    })
                    .list();
        });
    }

    public Optional<PolicyEntry> find(String name) {
        return all().stream().filter(entry -> entry.name().equals(name)).findFirst();
    }

    public PolicyEntry get(String name) throws ApplianceException {
        return find(name)
                .orElseThrow(() -> ApplianceException.notFound(Names.unknown(
                        "policy", name, all().stream().map(PolicyEntry::name).toList())));
    }

    public void add(PolicyEntry entry) throws ApplianceException {
        Names.check(entry.name());
        try {
            jdbi.useTransaction(handle -> {
                handle.createUpdate("""
                                insert into policy (name, target, definition_json, enabled, created_at, effective_at)
                                values (:name, :target, :definition, :enabled, :at, :effective)
                                """)
                        .bind("name", entry.name())
                        .bind("target", entry.target())
                        .bind("definition", Columns.json(new Definition(entry.schedule(), entry.retention())))
                        .bind("enabled", entry.enabled())
                        .bind("at", entry.createdAt().toEpochMilli())
                        .bind("effective", entry.effectiveAt().toEpochMilli())
                        .execute();
                join(handle, entry, entry.containers());
            });
        } catch (UnableToExecuteStatementException e) {
            throw Names.existsOr(e, "policy", entry.name());
        }
    }

    /** Replaces everything but name and time; containers that stay keep their progress. */
    public void update(PolicyEntry entry) throws ApplianceException {
        PolicyEntry before = get(entry.name());
        jdbi.useTransaction(handle -> {
            handle.createUpdate("""
                            update policy set target = :target, definition_json = :definition, enabled = :enabled,
                                effective_at = :effective
                            where name = :name
                            """)
                    .bind("name", entry.name())
                    .bind("target", entry.target())
                    .bind("definition", Columns.json(new Definition(entry.schedule(), entry.retention())))
                    .bind("enabled", entry.enabled())
                    .bind("effective", entry.effectiveAt().toEpochMilli())
                    .execute();
            for (String gone : before.containers()) {
                if (!entry.containers().contains(gone)) {
                    handle.createUpdate(
                                    "delete from policy_container where policy = :policy and container = :container")
                            .bind("policy", entry.name())
                            .bind("container", gone)
                            .execute();
                }
            }
            join(
                    handle,
                    entry,
                    entry.containers().stream()
                            .filter(one -> !before.containers().contains(one))
                            .toList());
        });
    }

    private static void join(Handle handle, PolicyEntry entry, List<String> containers) {
        for (String container : containers) {
            handle.createUpdate("insert into policy_container (policy, container) values (:policy, :container)")
                    .bind("policy", entry.name())
                    .bind("container", container)
                    .execute();
        }
    }

    public void remove(String name) throws ApplianceException {
        get(name);
        jdbi.useHandle(handle -> handle.createUpdate("delete from policy where name = :name")
                .bind("name", name)
                .execute());
    }

    public List<Progress> progress() {
        return jdbi.withHandle(handle -> handle.createQuery("select * from policy_container")
                .map((row, context) -> new Progress(
                        row.getString("policy"),
                        row.getString("container"),
                        Columns.timeOrNull(row, "last_slot_at"),
                        Columns.timeOrNull(row, "last_run_at")))
                .list());
    }

    /** Notes that a slot was left out. */
    public void skipped(String policy, String container, Instant slot) {
        jdbi.useHandle(handle -> handle.createUpdate(
                        "update policy_container set last_slot_at = :slot where policy = :policy and container = :container")
                .bind("policy", policy)
                .bind("container", container)
                .bind("slot", slot.toEpochMilli())
                .execute());
    }

    /** Part of the transaction that makes the job of a slot: both happen, or neither. */
    static void ran(Handle handle, String policy, String container, Instant slot, Instant at) {
        handle.createUpdate("""
                        update policy_container set last_slot_at = :slot, last_run_at = :at
                        where policy = :policy and container = :container
                        """)
                .bind("policy", policy)
                .bind("container", container)
                .bind("slot", slot.toEpochMilli())
                .bind("at", at.toEpochMilli())
                .execute();
    }
}
