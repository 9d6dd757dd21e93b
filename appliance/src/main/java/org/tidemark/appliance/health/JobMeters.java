package org.tidemark.appliance.health;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.service.job.JobEvents;
import org.tidemark.appliance.service.job.JobState;

/** Counts how jobs end and what backups move. */
@Singleton
public final class JobMeters {
    private static final double[] FREEZE_BUCKETS = {0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2};

    private final MeterRegistry registry;
    private final JobEvents events;
    private final DistributionSummary freeze;

    @Inject
    public JobMeters(MeterRegistry registry, JobEvents events) {
        this.registry = registry;
        this.events = events;
        this.freeze = DistributionSummary.builder("tidemark.freeze.seconds")
                .description("How long writers were held for an instant")
                .serviceLevelObjectives(FREEZE_BUCKETS)
                .register(registry);
    }

    void start(@Observes StartupEvent event) {
        events.listen(this::seen);
    }

    private void seen(JobState state) {
        JobEntry job = state.entry();
        if (!job.state().isFinal()) {
            return;
        }
        String kind = job.kind().name().toLowerCase(Locale.ROOT);
        registry.counter(
                        "tidemark.jobs",
                        "kind",
                        kind,
                        "state",
                        job.state().name().toLowerCase(Locale.ROOT))
                .increment();
        if (job.startedAt() != null && job.finishedAt() != null) {
            registry.timer("tidemark.job.duration", "kind", kind)
                    .record(Duration.between(job.startedAt(), job.finishedAt()));
        }
        Map<String, Object> result = job.result();
        if (job.kind() == JobEntry.Kind.BACKUP && result != null) {
            backup(job, result);
        }
        if (job.kind() == JobEntry.Kind.REPLICATE && result != null) {
            registry.counter("tidemark.replica.bytes", "replica", String.valueOf(job.target()))
                    .increment(number(result, "bytesSent"));
        }
    }

    private void backup(JobEntry job, Map<String, Object> result) {
        String container = String.valueOf(job.container());
        for (String what : new String[] {"Read", "Changed", "Shipped", "Stored"}) {
            registry.counter("tidemark.backup.bytes", "container", container, "what", what.toLowerCase(Locale.ROOT))
                    .increment(number(result, "bytes" + what));
        }
        registry.counter("tidemark.backup.requests", "target", String.valueOf(job.target()))
                .increment(number(result, "requests"));
        if (result.get("frozenNanos") instanceof Number nanos) {
            freeze.record(nanos.doubleValue() / 1e9);
        }
    }

    private static double number(Map<String, Object> result, String name) {
        return result.get(name) instanceof Number number ? number.doubleValue() : 0;
    }
}
