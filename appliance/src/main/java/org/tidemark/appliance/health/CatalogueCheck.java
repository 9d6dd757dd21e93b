package org.tidemark.appliance.health;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;

/** Ready means: the catalogue answers. Targets and devices that do not are shown elsewhere; they must not stop the page. */
@Singleton
@Readiness
public final class CatalogueCheck implements HealthCheck {
    private final Jdbi jdbi;

    @Inject
    public CatalogueCheck(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    @Override
    public HealthCheckResponse call() {
        boolean answers;
        try {
            answers = jdbi.withHandle(handle ->
                    handle.createQuery("select 1").mapTo(Integer.class).one() == 1);
        } catch (JdbiException e) {
            answers = false;
        }
        return HealthCheckResponse.named("catalogue").status(answers).build();
    }
}
