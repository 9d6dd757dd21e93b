package org.tidemark.appliance.service.job;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jboss.logging.Logger;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.service.Timetable;
import org.tidemark.scheduler.Plan;
import org.tidemark.scheduler.Planner;

/** Looks at the policies once a second and queues what is due. */
@Singleton
public final class PolicyTicker {
    private static final Logger LOG = Logger.getLogger(PolicyTicker.class);

    private final Timetable timetable;
    private final Policies policies;
    private final JobRunner runner;
    private final Scheduler scheduler;
    /** Until the end begins: from then on the catalogue may be closed. */
    private volatile boolean open;

    @Inject
    public PolicyTicker(Timetable timetable, Policies policies, JobRunner runner, Scheduler scheduler) {
        this.timetable = timetable;
        this.policies = policies;
        this.runner = runner;
        this.scheduler = scheduler;
    }

    /**
     * Last of all. Only now it is told to the scheduler: an annotated method would be called by the clock, also while a start
     * fails and there are no beans to call any more.
     */
    void started(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
        open = true;
        scheduler
                .newJob("policies")
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
            Plan plan = Planner.plan(timetable.states(), Instant.now());
            for (Plan.Run run : plan.skipped()) {
                LOG.infof("policy %s leaves out %s of container %s", run.policy(), run.slot(), run.container());
                policies.skipped(run.policy(), run.container(), run.slot());
            }
            for (Plan.Run run : plan.due()) {
                submit(run);
            }
        } catch (IOException | RuntimeException e) {
            if (open) {
                LOG.error("the policies could not be looked at; trying again", e);
            }
        }
    }

    private void submit(Plan.Run run) throws IOException {
        PolicyEntry policy = policies.get(run.policy());
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", JobEntry.Kind.BACKUP.name());
        request.put("container", run.container());
        request.put("target", policy.target());
        runner.submitSlot(
                new NewJob(
                        JobEntry.Kind.BACKUP,
                        run.container(),
                        policy.target(),
                        policy.name(),
                        JobEntry.Cause.SCHEDULE,
                        "policy " + policy.name(),
                        request),
                run.slot());
    }
}
