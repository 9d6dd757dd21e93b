package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.tidemark.appliance.failure.ApplianceException;

/** The containers of this appliance. */
@Singleton
public final class Containers {
    private final Jdbi jdbi;

    @Inject
    public Containers(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** What of a container is kept as one value. */
    record Definition(List<ContainerEntry.Image> images, ContainerEntry.Runtime runtime) {}

    /** Sorted by name. */
    public List<ContainerEntry> all() {
        return jdbi.withHandle(handle -> handle.createQuery("select * from container order by name")
                .map((row, context) -> {
                    Definition definition = Columns.object(row.getString("definition_json"), Definition.class);
                    return new ContainerEntry(
                            row.getString("name"),
                            definition.images(),
                            definition.runtime(),
                            Columns.time(row, "created_at"));
                })
                .list());
    }

    public Optional<ContainerEntry> find(String name) {
        return all().stream().filter(entry -> entry.name().equals(name)).findFirst();
    }

    public ContainerEntry get(String name) throws ApplianceException {
        return find(name)
                .orElseThrow(() -> ApplianceException.notFound(Names.unknown(
                        "container",
                        name,
                        all().stream().map(ContainerEntry::name).toList())));
    }

    public void add(ContainerEntry entry) throws ApplianceException {
        Names.check(entry.name());
        try {
            jdbi.useHandle(handle -> handle.createUpdate(
                            "insert into container (name, definition_json, created_at) values (:name, :definition, :at)")
                    .bind("name", entry.name())
                    .bind("definition", Columns.json(new Definition(entry.images(), entry.runtime())))
                    .bind("at", entry.createdAt().toEpochMilli())
                    .execute());
        } catch (UnableToExecuteStatementException e) {
            throw Names.existsOr(e, "container", entry.name());
        }
    }

    /** Replaces images and runtime. */
    public void update(ContainerEntry entry) throws ApplianceException {
        get(entry.name());
        jdbi.useHandle(
                handle -> handle.createUpdate("update container set definition_json = :definition where name = :name")
                        .bind("name", entry.name())
                        .bind("definition", Columns.json(new Definition(entry.images(), entry.runtime())))
                        .execute());
    }

    /** Forgets a container; its points stay where they are. */
    public void remove(String name) throws ApplianceException {
        get(name);
        jdbi.useHandle(handle -> handle.createUpdate("delete from container where name = :name")
                .bind("name", name)
                .execute());
    }
}
