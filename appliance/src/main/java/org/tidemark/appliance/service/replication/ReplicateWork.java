package org.tidemark.appliance.service.replication;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.job.JobWork;
import org.tidemark.appliance.service.job.RunningJob;

/** Brings a replica up to its source. What was sent before a death is there already when it runs again. */
@Singleton
public final class ReplicateWork implements JobWork {
    private final Replicas replicas;
    private final Targets targets;
    private final Repositories repositories;
    private final Points points;
    private final ReplicaLinks links;

    @Inject
    public ReplicateWork(
            Replicas replicas, Targets targets, Repositories repositories, Points points, ReplicaLinks links) {
        this.replicas = replicas;
        this.targets = targets;
        this.repositories = repositories;
        this.points = points;
        this.links = links;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.REPLICATE);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        ReplicaEntry entry = replicas.get(String.valueOf(job.entry().target()));
        TargetEntry source = targets.get(entry.source());
        TargetEntry place = targets.get(entry.target());
        String error = "it was interrupted";
        try {
            new ReplicationRun(job, source, place, repositories, points, links.share(entry)).run();
            error = null;
            repositories.seen(source.name(), null);
            repositories.seen(place.name(), null);
        } catch (IOException e) {
            error = FailureKind.words(e);
            if (!job.getAsBoolean() && FailureKind.of(e) == FailureKind.UNREACHABLE) {
                // Which of the two it was is not said by the failure.
                repositories.check(source);
                repositories.check(place);
            }
            throw e;
        } finally {
            if (error == null || !job.getAsBoolean()) {
                replicas.ran(entry.target(), Instant.now(), error);
            }
        }
    }
}
