package org.tidemark.appliance.health;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jboss.logging.Logger;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.ContainerProtection;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.Protection;
import org.tidemark.appliance.service.Repositories;
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
    private final MultiGauge age;
    private final MultiGauge allowed;
    private final MultiGauge safe;
    private final MultiGauge reachable;
    private final MultiGauge requests;
    private final MultiGauge seconds;
    private final MultiGauge inFlight;
    private final MultiGauge healthy;
    private final MultiGauge waiting;
    /** Before and after, the catalogue may be closed. */
    private volatile boolean open;

    @Inject
    public StateMeters(
            MeterRegistry registry,
            Containers containers,
            Targets targets,
            ContainerProtection protection,
            Repositories repositories,
            Host host) {
        this.containers = containers;
        this.targets = targets;
        this.protection = protection;
        this.repositories = repositories;
        this.host = host;
        age = gauge(registry, "tidemark.container.rpo.age.seconds", "Age of the newest recovery point");
        allowed = gauge(registry, "tidemark.container.rpo.allowed.seconds", "How old it may be by the policies");
        safe = gauge(registry, "tidemark.container.safe", "1 when the policies' promise is kept");
        reachable = gauge(registry, "tidemark.target.reachable", "1 when the target answered last time");
        requests = gauge(
                registry,
                "tidemark.device.requests",
                "Requests the kernel sent to the device, since its loop device was made");
        seconds = gauge(registry, "tidemark.device.seconds", "Time these requests took");
        inFlight = gauge(registry, "tidemark.device.in.flight", "Requests under way");
        healthy = gauge(registry, "tidemark.device.healthy", "1 when nothing is wrong with the device, else 0");
        waiting = gauge(
                registry, "tidemark.device.waiting.for.space", "Requests that wait because the disk below is full");
    }

    private static MultiGauge gauge(MeterRegistry registry, String name, String description) {
        return MultiGauge.builder(name).description(description).register(registry);
    }

    /** Last of all, for a start that fails before. */
    void started(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
        open = true;
    }

    void ended(@Observes ShutdownEvent event) {
        open = false;
    }

    @Scheduled(every = "10s", delayed = "2s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void look() {
        if (!open) {
            return;
        }
        try {
            lookAtContainers();
            lookAtTargets();
            lookAtDevices();
        } catch (IOException | RuntimeException e) {
            if (open) {
                LOG.warn("some numbers could not be gathered: " + e.getMessage());
            }
        }
    }

    private void lookAtContainers() {
        ContainerProtection.Look look = protection.at(Instant.now());
        List<MultiGauge.Row<?>> ages = new ArrayList<>();
        List<MultiGauge.Row<?>> bounds = new ArrayList<>();
        List<MultiGauge.Row<?>> states = new ArrayList<>();
        for (ContainerEntry container : containers.all()) {
            Tags tags = Tags.of("container", container.name());
            Protection one = look.of(container);
            if (one.ageSeconds() != null) {
                ages.add(MultiGauge.Row.of(tags, one.ageSeconds()));
            }
            if (one.rpoSeconds() != null) {
                bounds.add(MultiGauge.Row.of(tags, one.rpoSeconds()));
            }
            states.add(MultiGauge.Row.of(tags, one.state() == Protection.State.SAFE ? 1 : 0));
        }
        age.register(ages, true);
        allowed.register(bounds, true);
        safe.register(states, true);
    }

    private void lookAtTargets() {
        List<MultiGauge.Row<?>> rows = new ArrayList<>();
        for (TargetEntry target : targets.all()) {
            Repositories.Status status = repositories.lastStatus(target.name());
            if (status != null) {
                rows.add(MultiGauge.Row.of(Tags.of("target", target.name()), status.reachable() ? 1 : 0));
            }
        }
        reachable.register(rows, true);
    }

    private void lookAtDevices() throws IOException {
        List<MultiGauge.Row<?>> counts = new ArrayList<>();
        List<MultiGauge.Row<?>> times = new ArrayList<>();
        List<MultiGauge.Row<?>> flying = new ArrayList<>();
        List<MultiGauge.Row<?>> health = new ArrayList<>();
        List<MultiGauge.Row<?>> waits = new ArrayList<>();
        for (AttachedDevice device : host.devices()) {
            Tags known = Tags.of("device", device.deviceId());
            health.add(MultiGauge.Row.of(known, device.trouble().isEmpty() ? 1 : 0));
            waits.add(MultiGauge.Row.of(known, device.waitingForSpace()));
            Path stat = Path.of("/sys/block/" + Path.of(device.blockDevice()).getFileName() + "/stat");
            if (device.blockDevice().isEmpty() || !Files.isReadable(stat)) {
                continue;
            }
            String[] fields = Files.readString(stat).strip().split("\\s+");
            Tags tags = Tags.of("device", device.deviceId());
            counts.add(MultiGauge.Row.of(tags.and("operation", "read"), Long.parseLong(fields[READS])));
            counts.add(MultiGauge.Row.of(tags.and("operation", "write"), Long.parseLong(fields[WRITES])));
            times.add(MultiGauge.Row.of(tags.and("operation", "read"), Long.parseLong(fields[READ_MILLIS]) / 1e3));
            times.add(MultiGauge.Row.of(tags.and("operation", "write"), Long.parseLong(fields[WRITE_MILLIS]) / 1e3));
            flying.add(MultiGauge.Row.of(tags, Long.parseLong(fields[IN_FLIGHT])));
        }
        healthy.register(health, true);
        waiting.register(waits, true);
        requests.register(counts, true);
        seconds.register(times, true);
        inFlight.register(flying, true);
    }
}
