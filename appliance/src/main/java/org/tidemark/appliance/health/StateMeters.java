package org.tidemark.appliance.health;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jboss.logging.Logger;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.ContainerProtection;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.Protection;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.replication.ReplicaStates;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/**
 * Gauges of what is now: the age of each container's newest point, whether targets answer, and what the kernel counts of each
 * device ({@code /sys/block/loopN/stat}: requests and the time they took, so that their ratio is the latency).
 */
@Singleton
public final class StateMeters {
    private static final Logger LOG = Logger.getLogger(StateMeters.class);
    private static final int READS = 0;
    private static final int READ_MILLIS = 3;
    private static final int WRITES = 4;
    private static final int WRITE_MILLIS = 7;
    private static final int IN_FLIGHT = 8;

    private final Containers containers;
    private final Targets targets;
    private final ContainerProtection protection;
    private final Repositories repositories;
    private final Host host;
    private final ReplicaStates replicas;
    private final Readings lag;
    private final Readings lagAllowed;
    private final Readings waitingPoints;
    private final Readings replicaKept;
    private final Readings age;
    private final Readings allowed;
    private final Readings safe;
    private final Readings reachable;
    private final Readings requests;
    private final Readings seconds;
    private final Readings inFlight;
    private final Readings healthy;
    private final Readings waiting;
    private final Scheduler scheduler;
    /** Until the end begins: from then on the catalogue may be closed. */
    private volatile boolean open;

    @Inject
    public StateMeters(
            MeterRegistry registry,
            Containers containers,
            Targets targets,
            ContainerProtection protection,
            Repositories repositories,
            Host host,
            ReplicaStates replicas,
            Scheduler scheduler) {
        this.replicas = replicas;
        this.containers = containers;
        this.targets = targets;
        this.protection = protection;
        this.repositories = repositories;
        this.host = host;
        this.scheduler = scheduler;
        age = new Readings(registry, "tidemark.container.rpo.age.seconds", "Age of the newest recovery point");
        allowed = new Readings(registry, "tidemark.container.rpo.allowed.seconds", "How old it may be by the policies");
        safe = new Readings(registry, "tidemark.container.safe", "1 when the policies' promise is kept");
        reachable = new Readings(registry, "tidemark.target.reachable", "1 when the target answered last time");
        lag = new Readings(
                registry,
                "tidemark.replica.lag.seconds",
                "How long the first point that the replica lacks has waited; 0 when it lacks none");
        lagAllowed = new Readings(registry, "tidemark.replica.lag.allowed.seconds", "How long a point may wait");
        waitingPoints = new Readings(registry, "tidemark.replica.points.waiting", "Points that the replica lacks");
        replicaKept = new Readings(registry, "tidemark.replica.kept", "1 when no point has waited for too long");
        requests = new Readings(
                registry,
                "tidemark.device.requests",
                "Requests the kernel sent to the device, since its loop device was made");
        seconds = new Readings(registry, "tidemark.device.seconds", "Time these requests took");
        inFlight = new Readings(registry, "tidemark.device.in.flight", "Requests under way");
        healthy = new Readings(registry, "tidemark.device.healthy", "1 when nothing is wrong with the device, else 0");
        waiting = new Readings(
                registry, "tidemark.device.waiting.for.space", "Requests that wait because the disk below is full");
    }

    /** Last of all, and told to the scheduler only now, for a start that fails before. */
    void started(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
        open = true;
        scheduler
                .newJob("gauges")
                .setInterval("10s")
                .setDelayed("2s")
                .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
                .setTask(execution -> look())
                .schedule();
    }

    void ended(@Observes ShutdownEvent event) {
        open = false;
    }

    private void look() {
        if (!open) {
            return;
        }
        try {
            lookAtContainers();
            lookAtTargets();
            lookAtReplicas();
            lookAtDevices();
        } catch (IOException | RuntimeException e) {
            if (open) {
                LOG.warn("some numbers could not be gathered: " + e.getMessage());
            }
        }
    }

    private void lookAtContainers() {
        ContainerProtection.Look look = protection.at(Instant.now());
        Map<Tags, Number> ages = new HashMap<>();
        Map<Tags, Number> bounds = new HashMap<>();
        Map<Tags, Number> states = new HashMap<>();
        for (ContainerEntry container : containers.all()) {
            Tags tags = Tags.of("container", container.name());
            Protection one = look.of(container);
            if (one.ageSeconds() != null) {
                ages.put(tags, one.ageSeconds());
            }
            if (one.rpoSeconds() != null) {
                bounds.put(tags, one.rpoSeconds());
            }
            states.put(tags, one.state() == Protection.State.SAFE ? 1 : 0);
        }
        age.set(ages);
        allowed.set(bounds);
        safe.set(states);
    }

    private void lookAtTargets() {
        Map<Tags, Number> rows = new HashMap<>();
        for (TargetEntry target : targets.all()) {
            Repositories.Status status = repositories.lastStatus(target.name());
            if (status != null) {
                rows.put(Tags.of("target", target.name()), status.reachable() ? 1 : 0);
            }
        }
        reachable.set(rows);
    }

    private void lookAtReplicas() {
        Map<Tags, Number> lags = new HashMap<>();
        Map<Tags, Number> bounds = new HashMap<>();
        Map<Tags, Number> counts = new HashMap<>();
        Map<Tags, Number> kept = new HashMap<>();
        for (ReplicaStates.State state : replicas.all(Instant.now())) {
            Tags replica = Tags.of("replica", state.entry().target());
            bounds.put(replica, state.entry().goalSeconds());
            kept.put(replica, state.trouble().isEmpty() ? 1 : 0);
            state.containers().forEach((container, one) -> {
                Tags tags = replica.and("container", container);
                lags.put(tags, one.lag().toSeconds());
                counts.put(tags, one.waiting() + one.leftOut());
            });
        }
        lag.set(lags);
        lagAllowed.set(bounds);
        waitingPoints.set(counts);
        replicaKept.set(kept);
    }

    private void lookAtDevices() throws IOException {
        Map<Tags, Number> counts = new HashMap<>();
        Map<Tags, Number> times = new HashMap<>();
        Map<Tags, Number> flying = new HashMap<>();
        Map<Tags, Number> health = new HashMap<>();
        Map<Tags, Number> waits = new HashMap<>();
        for (AttachedDevice device : host.devices()) {
            Tags known = Tags.of("device", device.deviceId());
            health.put(known, device.trouble().isEmpty() ? 1 : 0);
            waits.put(known, device.waitingForSpace());
            Path stat = Path.of("/sys/block/" + Path.of(device.blockDevice()).getFileName() + "/stat");
            if (device.blockDevice().isEmpty() || !Files.isReadable(stat)) {
                continue;
            }
            String[] fields = Files.readString(stat).strip().split("\\s+");
            Tags tags = Tags.of("device", device.deviceId());
            counts.put(tags.and("operation", "read"), Long.parseLong(fields[READS]));
            counts.put(tags.and("operation", "write"), Long.parseLong(fields[WRITES]));
            times.put(tags.and("operation", "read"), Long.parseLong(fields[READ_MILLIS]) / 1e3);
            times.put(tags.and("operation", "write"), Long.parseLong(fields[WRITE_MILLIS]) / 1e3);
            flying.put(tags, Long.parseLong(fields[IN_FLIGHT]));
        }
        healthy.set(health);
        waiting.set(waits);
        requests.set(counts);
        seconds.set(times);
        inFlight.set(flying);
    }
}
