package org.tidemark.appliance.service;

import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;

/** Adds and changes policies whose parts exist and make sense. */
@Singleton
public final class PolicyRegistry {
    private final Policies policies;
    private final Containers containers;
    private final Targets targets;
    private final Timetable timetable;
    private final Retention retention;

    @Inject
    public PolicyRegistry(
            Policies policies, Containers containers, Targets targets, Timetable timetable, Retention retention) {
        this.policies = policies;
        this.containers = containers;
        this.targets = targets;
        this.timetable = timetable;
        this.retention = retention;
    }

    public void add(PolicyEntry entry) throws IOException {
        TargetEntry target = check(entry);
        policies.add(entry);
        lookAgain(entry, target);
    }

    public void update(PolicyEntry entry) throws IOException {
        TargetEntry target = check(entry);
        policies.update(entry);
        lookAgain(entry, target);
    }

    private TargetEntry check(PolicyEntry entry) throws IOException {
        timetable.check(entry.schedule());
        for (String container : entry.containers()) {
            containers.get(container);
        }
        TargetEntry target = targets.get(entry.target());
        Repositories.demandWritable(target);
        return target;
    }

    /** Time has passed, and nobody reads what somebody read when the appliance ended. */
    void start(@Observes StartupEvent event) throws IOException {
        for (PolicyEntry entry : policies.all()) {
            lookAgain(entry, targets.get(entry.target()));
        }
    }

    /** What is kept may be something else now. */
    private void lookAgain(PolicyEntry entry, TargetEntry target) throws IOException {
        for (String container : entry.containers()) {
            retention.apply(target, container);
        }
    }
}
