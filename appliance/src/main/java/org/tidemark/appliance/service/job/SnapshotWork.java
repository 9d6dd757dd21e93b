package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.ploop.chain.ChainProgress;

/**
 * Deletes a snapshot of an image, or merges it into its parent. What was broken off goes on when the job runs again, and
 * what had been done when the appliance died is not missed then.
 */
@Singleton
public final class SnapshotWork implements JobWork {
    private final Snapshots snapshots;

    @Inject
    public SnapshotWork(Host host) {
        this.snapshots = new Snapshots(host::connectIfRunning);
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.SNAPSHOT_DELETE, JobEntry.Kind.SNAPSHOT_MERGE);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        String image = String.valueOf(job.entry().request().get("image"));
        String guid = String.valueOf(job.entry().request().get("snapshot"));
        boolean delete = job.entry().kind() == JobEntry.Kind.SNAPSHOT_DELETE;
        String doing = delete ? "deleting" : "merging";
        job.phase(doing + " snapshot " + guid + " of " + image);
        String outcome;
        try {
            if (delete) {
                outcome = snapshots
                        .delete(image, guid, progress(job, doing))
                        .name()
                        .toLowerCase(Locale.ROOT);
            } else {
                snapshots.merge(image, guid, progress(job, doing));
                outcome = "merged";
            }
        } catch (ApplianceException e) {
            if (e.kind() != FailureKind.NOT_FOUND || job.entry().attempt() == 1 || !delete) {
                throw e;
            }
            job.log("the attempt before had deleted it");
            outcome = "removed";
        }
        job.result(Map.of("image", image, "snapshot", guid, "outcome", outcome));
    }

    private static ChainProgress progress(RunningJob job, String doing) {
        return new ChainProgress() {
            @Override
            public void done(long clusters, long totalClusters) {
                double fraction = totalClusters == 0 ? 0 : (double) clusters / totalClusters;
                String text = doing + ": cluster " + clusters + " of " + totalClusters;
                job.progress(new JobProgress(doing, 0, null, fraction, text));
            }

            @Override
            public boolean cancelled() {
                return job.getAsBoolean();
            }
        };
    }
}
