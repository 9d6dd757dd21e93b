package org.tidemark.appliance.persistence;

import io.agroal.api.AgroalDataSource;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import org.jdbi.v3.core.Jdbi;

/** The catalogue's database, for the tables' classes. */
public final class Database {
    @Produces
    @Singleton
    Jdbi jdbi(AgroalDataSource source) {
        return Jdbi.create(source);
    }
}
