package org.tidemark.appliance.service.replication;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.scheduler.EverySchedule;
import org.tidemark.scheduler.ReplicaLag;
import org.tidemark.scheduler.ReplicaTurn;

/** Looks at the replicas once a second and queues the runs that are due. */
@Singleton
public final class ReplicaTicker {
    private static final Logger LOG = Logger.getLogger(ReplicaTicker.class);

    private final Replicas replicas;
    private final ReplicaStates states;
    private final ReplicaLinks links;
    private final Promotions promotions;
    private final Policies policies;
    private final Jobs jobs;
    private final JobRunner runner;
    private final Scheduler scheduler;
    /** Until the end begins: from then on the catalogue may be closed. */
    private volatile boolean open;

    @Inject
    public ReplicaTicker(
            Replicas replicas,
            ReplicaStates states,
            ReplicaLinks links,
            Promotions promotions,
            Policies policies,
            Jobs jobs,
            JobRunner runner,
            Scheduler scheduler) {
        this.replicas = replicas;
        this.states = states;
        this.links = links;
        this.promotions = promotions;
        this.policies = policies;
        this.jobs = jobs;
        this.runner = runner;
        this.scheduler = scheduler;
    }

    /** Last of all, and told to the scheduler only now, for a start that fails before. */
    void started(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
        open = true;
        scheduler
                .newJob("replicas")
                .setInterval("1s")
                .setDelayed("1s")
                .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
                .setTask(execution -> tick())
                .schedule();
    }

    void ended(@Observes ShutdownEvent event) {
        open = false;
    }

    private void tick() {
        if (!open) {
            return;
        }
        try {
            Instant now = Instant.now();
            for (ReplicaEntry entry : replicas.all()) {
                look(entry, now);
            }
        } catch (IOException | RuntimeException e) {
            if (open) {
                LOG.error("the replicas could not be looked at; trying again", e);
            }
        }
    }

    /** Cheap until a slot is due. */
    private void look(ReplicaEntry entry, Instant now) throws IOException {
        String name = entry.target();
        if (!entry.enabled()) {
            return;
        }
        Optional<Instant> slot = ReplicaTurn.due(
                EverySchedule.of(Duration.ofSeconds(entry.everySeconds())),
                entry.lastSlotAt(),
                entry.lastError() == null ? entry.lastSuccessAt() : null,
                () -> isBehind(entry, now) || !isWrittenHere(entry.source()),
                now);
        if (slot.isPresent()
                && jobs.open().stream().noneMatch(job -> ReplicaOrders.isRunOf(job, name))
                && !links.share(entry).isOff()
                && promotions.mayRun(name)) {
            replicas.slotTaken(name, slot.get());
            runner.submit(ReplicaOrders.run(name, JobEntry.Cause.SCHEDULE, "replica " + name));
        }
    }

    private boolean isBehind(ReplicaEntry entry, Instant now) {
        return states.all(now).stream()
                .filter(state -> state.entry().target().equals(entry.target()))
                .anyMatch(state -> state.worst() != ReplicaLag.State.IN_STEP);
    }

    /** Then every point of it is known at once, and no look is needed to find one. */
    private boolean isWrittenHere(String source) {
        return policies.all().stream()
                .anyMatch(policy -> policy.enabled() && policy.target().equals(source));
    }
}
