package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;

/** Who this appliance is: a random id, made with its catalogue. */
@Singleton
public final class ApplianceIdentity {
    private static final String NAME = "appliance-id";

    private final String id;

    @Inject
    public ApplianceIdentity(Jdbi jdbi) {
        this.id = jdbi.inTransaction(handle -> {
            Optional<String> known = handle.createQuery("select content from setting where name = :name")
                    .bind("name", NAME)
                    .mapTo(String.class)
                    .findOne();
            if (known.isPresent()) {
                return known.get();
            }
            String fresh = UUID.randomUUID().toString();
            handle.createUpdate("insert into setting (name, content) values (:name, :content)")
                    .bind("name", NAME)
                    .bind("content", fresh)
                    .execute();
            return fresh;
        });
    }

    public String id() {
        return id;
    }
}
