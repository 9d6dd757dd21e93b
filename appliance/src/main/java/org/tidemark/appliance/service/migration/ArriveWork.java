package org.tidemark.appliance.service.migration;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.MigrationEntry;
import org.tidemark.appliance.persistence.Migrations;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.job.JobWork;
import org.tidemark.appliance.service.job.RunningJob;

/** Starts a container that has come from another appliance, as it was there. */
@Singleton
public final class ArriveWork implements JobWork {
    private final Migrations migrations;
    private final Host host;

    @Inject
    public ArriveWork(Migrations migrations, Host host) {
        this.migrations = migrations;
        this.host = host;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.ARRIVE);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        MigrationEntry migration =
                migrations.get(String.valueOf(job.entry().request().get("migration")));
        if (job.entry().request().get("notices") instanceof List<?> notices) {
            notices.forEach(notice -> job.notice(String.valueOf(notice)));
        }
        job.phase("starting container " + migration.container());
        try (DataPlane plane = host.connect()) {
            Arrivals.use(migration).start(plane, false);
        } catch (IOException | RuntimeException e) {
            migrations.state(migration.id(), MigrationEntry.State.ARRIVED, FailureKind.words(e));
            throw e;
        }
        migrations.state(migration.id(), MigrationEntry.State.STARTED, null);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("migration", migration.id());
        result.put("from", migration.peer());
        job.result(result);
    }
}
