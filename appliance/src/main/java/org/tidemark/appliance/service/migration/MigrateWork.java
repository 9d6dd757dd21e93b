package org.tidemark.appliance.service.migration;

import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ApplianceIdentity;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.MigrationEntry;
import org.tidemark.appliance.persistence.Migrations;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.persistence.Peers;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.ImageFacts;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.job.JobWork;
import org.tidemark.appliance.service.job.RunningJob;
import org.tidemark.appliance.service.peer.PeerLink;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.MovedImage;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.migrate.CopyLimits;

/** Hands a container over to another appliance. A job that meets what an earlier attempt left ends that first. */
@Singleton
public final class MigrateWork implements JobWork {
    private static final Logger LOG = Logger.getLogger(MigrateWork.class);

    private final Containers containers;
    private final Policies policies;
    private final Targets targets;
    private final Peers peers;
    private final Migrations migrations;
    private final Jobs jobs;
    private final Host host;
    private final PeerLink link;
    private final ApplianceIdentity identity;

    @Inject
    public MigrateWork(
            Containers containers,
            Policies policies,
            Targets targets,
            Peers peers,
            Migrations migrations,
            Jobs jobs,
            Host host,
            PeerLink link,
            ApplianceIdentity identity) {
        this.containers = containers;
        this.policies = policies;
        this.targets = targets;
        this.peers = peers;
        this.migrations = migrations;
        this.jobs = jobs;
        this.host = host;
        this.link = link;
        this.identity = identity;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.MIGRATE);
    }

    /** What is decided, or stopped, does not wait for a person; also when its job had no attempts left. */
    void start(@Observes @Priority(Integer.MAX_VALUE - 2) StartupEvent event, JobRunner runner) throws IOException {
        for (MigrationEntry migration : migrations.all()) {
            boolean unfinished = migration.direction() == MigrationEntry.Direction.OUT
                    && (migration.state() == MigrationEntry.State.LEAVING
                            || migration.state() == MigrationEntry.State.STOPPED);
            if (unfinished && !jobs.hasOpen(JobEntry.Kind.MIGRATE, migration.container())) {
                LOG.infof("the migration of %s goes on", migration.container());
                runner.submit(resumed(migration, "the appliance"));
            }
        }
    }

    /** The job that ends what is left of a migration. */
    public static NewJob resumed(MigrationEntry migration, String who) {
        return new NewJob(
                JobEntry.Kind.MIGRATE,
                migration.container(),
                null,
                null,
                JobEntry.Cause.RECOVERY,
                who,
                Map.of(
                        "kind", JobEntry.Kind.MIGRATE.name(),
                        "container", migration.container(),
                        "migration", migration.id()));
    }

    @Override
    public void run(RunningJob job) throws IOException {
        Map<String, Object> request = job.entry().request();
        Optional<MigrationEntry> earlier = earlier(job);
        if (earlier.isPresent()) {
            goOn(job, earlier.get());
            return;
        }
        ContainerEntry container = containers.get(String.valueOf(job.entry().container()));
        PeerEntry peer = peers.get(String.valueOf(request.get("peer")));
        ContainerUse use;
        try (DataPlane plane = host.connect()) {
            use = ContainerUse.of(plane, container);
        }
        String id = Departure.newId();
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("use", use.toMap());
        MigrationEntry migration = new MigrationEntry(
                id,
                MigrationEntry.Direction.OUT,
                container.name(),
                peer.name(),
                MigrationEntry.State.COPYING,
                details,
                null,
                Instant.now(),
                Instant.now());
        migrations.add(migration);
        job.memo(Map.of("migration", id));
        Departure departure = new Departure(job, migration, use, peers, link, host, migrations);
        Departure.Copied copied =
                departure.upToDecision(definition(migration, container, use, request), limits(request));
        finish(job, departure, migration, copied);
    }

    private Optional<MigrationEntry> earlier(RunningJob job) {
        Object named = job.entry().request().get("migration");
        Object id = named == null ? job.memo().get("migration") : named;
        return id == null ? Optional.empty() : migrations.find(id.toString());
    }

    /** What an attempt before this one left, whose appliance died. */
    private void goOn(RunningJob job, MigrationEntry migration) throws IOException {
        ContainerUse use = ContainerUse.ofMap(migration.details().get("use"));
        Departure departure = new Departure(job, migration, use, peers, link, host, migrations);
        departure.recover();
        HandOverRecord.State record = departure.record();
        if (record == HandOverRecord.State.LEAVING || record == HandOverRecord.State.GONE) {
            job.log("the hand-over was decided before the appliance ended; it goes on");
            finish(job, departure, migration, Departure.Copied.NOTHING);
            return;
        }
        departure.stayHere();
        migrations.state(
                migration.id(),
                MigrationEntry.State.ENDED,
                "the appliance ended before it was decided; the container runs here");
        departure.tellAbandoned();
        throw new ApplianceException(
                FailureKind.FAILED,
                "the appliance ended before the hand-over was decided. The container runs here as before; move it again");
    }

    private void finish(RunningJob job, Departure departure, MigrationEntry migration, Departure.Copied copied)
            throws IOException {
        if (!departure.afterDecision()) {
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    String.valueOf(migrations.get(migration.id()).notice()));
        }
        departure.clearMarks();
        forget(job, migration.container());
        migrations.state(migration.id(), MigrationEntry.State.GONE, null);
        Departure.Started started = departure.awaitStarted();
        if (started.notice() != null) {
            job.notice(
                    "it is on " + migration.peer() + " and belongs there, but does not run yet: " + started.notice());
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("migration", migration.id());
        result.put("peer", migration.peer());
        result.put("bytesRead", copied.readBytes());
        result.put("bytesSent", copied.sentBytes());
        result.put("sizeBytes", copied.sizeBytes());
        result.put("rounds", copied.rounds());
        result.put("roundBytes", copied.roundBytes());
        result.put("converged", copied.converged());
        if (started.downMillis() != null) {
            result.put("downMillis", started.downMillis());
        }
        job.result(result);
    }

    /** It is the other appliance's to protect. */
    private void forget(RunningJob job, String container) throws IOException {
        for (PolicyEntry policy : policies.all()) {
            if (policy.containers().contains(container)) {
                List<String> others = new ArrayList<>(policy.containers());
                others.remove(container);
                policies.update(new PolicyEntry(
                        policy.name(),
                        policy.target(),
                        others,
                        policy.schedule(),
                        policy.retention(),
                        policy.enabled(),
                        policy.createdAt(),
                        policy.effectiveAt()));
                job.log("policy " + policy.name() + " does not concern it here any more");
            }
        }
        if (containers.find(container).isPresent()) {
            containers.remove(container);
        }
    }

    private static CopyLimits limits(Map<String, Object> request) {
        Object rounds = request.get("maxRounds");
        Object bytes = request.get("bytesPerSecond");
        CopyLimits usual = CopyLimits.USUAL;
        return new CopyLimits(
                rounds instanceof Number number ? number.intValue() : usual.maxRounds(),
                usual.maxTime(),
                Duration.ofMillis(100),
                Boolean.TRUE.equals(request.get("throttle")),
                bytes instanceof Number number ? number.longValue() : 0);
    }

    private Map<String, Object> definition(
            MigrationEntry migration, ContainerEntry container, ContainerUse use, Map<String, Object> request)
            throws IOException {
        List<Map<String, Object>> images = new ArrayList<>();
        for (ContainerUse.ImageUse image : use.images()) {
            images.add(image(image));
        }
        Map<String, Object> definition = new LinkedHashMap<>();
        definition.put("migration", migration.id());
        definition.put("appliance", identity.id());
        definition.put("container", container.name());
        definition.put("runtime", runtime(container.runtime()));
        definition.put("images", images);
        definition.put("use", use.toMap());
        definition.put("policies", policiesOf(container.name()));
        if (request.get("destination") != null) {
            definition.put("destination", request.get("destination"));
        }
        return definition;
    }

    private static Map<String, Object> runtime(ContainerEntry.Runtime runtime) {
        Map<String, Object> words = new LinkedHashMap<>();
        words.put("kind", runtime.kind().name());
        words.put("id", runtime.id());
        words.put("cgroup", runtime.cgroup());
        words.put("root", runtime.root());
        return words;
    }

    private static Map<String, Object> image(ContainerUse.ImageUse image) throws IOException {
        ImagePlace place = ImagePlace.of(image.path());
        place.requireHost("does not move to another appliance");
        ChainFiles files = AttachedImage.filesOf(place);
        List<String> names = MovedImage.fileNames(files);
        long[] bytes = {0};
        for (String name : names) {
            try (ImageIo io = files.directory().open(name, OpenMode.READ_ONLY)) {
                io.dataExtents(0, io.size(), (position, length) -> bytes[0] += length);
            }
        }
        ImageFacts facts = ImageFacts.of(java.nio.file.Path.of(image.path()));
        Map<String, Object> words = new LinkedHashMap<>();
        words.put("id", image.id());
        words.put("path", image.path());
        words.put("files", names);
        words.put("dataBytes", bytes[0]);
        words.put("sizeBytes", facts.sizeBytes());
        words.put("format", facts.formatId());
        return words;
    }

    /** With what their targets are, by which the other side knows them. */
    private List<Map<String, Object>> policiesOf(String container) throws IOException {
        List<Map<String, Object>> found = new ArrayList<>();
        for (PolicyEntry policy : policies.all()) {
            if (policy.containers().contains(container)) {
                TargetEntry target = targets.get(policy.target());
                found.add(TravelledPolicy.words(policy, target.repositoryId()));
            }
        }
        return found;
    }
}
