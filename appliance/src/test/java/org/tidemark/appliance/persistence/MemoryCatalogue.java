package org.tidemark.appliance.persistence;

import java.util.UUID;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** A catalogue in memory, made by the same migrations as the real one; it lasts until it is closed. */
public final class MemoryCatalogue implements AutoCloseable {
    private final Jdbi jdbi;
    private final Handle keepsDatabase;

    public MemoryCatalogue() {
        String url = "jdbc:h2:mem:" + UUID.randomUUID();
        jdbi = Jdbi.create(url);
        keepsDatabase = jdbi.open();
        Flyway.configure().dataSource(url, "", "").load().migrate();
    }

    public Jdbi jdbi() {
        return jdbi;
    }

    @Override
    public void close() {
        keepsDatabase.close();
    }
}
