package org.tidemark.appliance.service.replication;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.service.job.VerifyWork;

/** The jobs of replicas. */
@Singleton
public final class ReplicaOrders {
    private final Replicas replicas;
    private final Jobs jobs;

    @Inject
    public ReplicaOrders(Replicas replicas, Jobs jobs) {
        this.replicas = replicas;
        this.jobs = jobs;
    }

    /** Brings it up now; refused when that is under way. */
    public NewJob run(String target, String who) throws ApplianceException {
        replicas.get(target);
        for (JobEntry job : jobs.open()) {
            if (isRunOf(job, target)) {
                throw ApplianceException.conflict("job " + job.id() + " replicates to '" + target + "' already");
            }
        }
        return run(target, JobEntry.Cause.MANUAL, who);
    }

    static NewJob run(String target, JobEntry.Cause cause, String who) {
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", JobEntry.Kind.REPLICATE.name());
        request.put("target", target);
        return new NewJob(JobEntry.Kind.REPLICATE, null, target, null, cause, who, request);
    }

    static boolean isRunOf(JobEntry job, String target) {
        return job.kind() == JobEntry.Kind.REPLICATE && target.equals(job.target());
    }

    /**
     * Reads the newest point of each container, or of one, from the replica alone, to its last chunk. Nothing is written and nothing
     * is promoted.
     */
    public NewJob test(String target, @Nullable String container, String who) throws ApplianceException {
        replicas.get(target);
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", JobEntry.Kind.VERIFY.name());
        request.put("target", target);
        request.put(VerifyWork.NEWEST_ONLY, true);
        if (container != null) {
            request.put("container", Names.check(container));
        }
        return new NewJob(JobEntry.Kind.VERIFY, container, target, null, JobEntry.Cause.MANUAL, who, request);
    }
}
