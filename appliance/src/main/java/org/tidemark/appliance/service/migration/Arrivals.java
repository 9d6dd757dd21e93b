package org.tidemark.appliance.service.migration;

import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.PolicyRegistry;
import org.tidemark.appliance.service.job.JobRunner;
import org.tidemark.appliance.service.peer.PeerChannel;
import org.tidemark.appliance.service.peer.PeerRequests;
import org.tidemark.ploop.chain.MovedImage;
import org.tidemark.ploop.handover.HandOver;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.handover.Message;
import org.tidemark.ploop.handover.SharedRecord;
import org.tidemark.ploop.migrate.CheckedStreamReceiver;
import org.tidemark.ploop.os.Mounts;

/** The destination's side of migrations. Requests of one migration wait for each other, but for its files. */
@Singleton
public final class Arrivals implements PeerRequests {
    private static final Logger LOG = Logger.getLogger(Arrivals.class);
    private static final long SPARE_BYTES = 64L << 20;
    /** Between two parts of a file: its source may be stopping a container meanwhile. */
    private static final Duration BETWEEN_PARTS = Duration.ofMinutes(10);

    private static final Duration RECEIVER_ENDS_WITHIN = Duration.ofSeconds(5);

    private final Containers containers;
    private final Policies policies;
    private final PolicyRegistry policyRegistry;
    private final Targets targets;
    private final Migrations migrations;
    private final Jobs jobs;
    private final JobRunner runner;
    private final ApplianceIdentity identity;
    /** Who receives a file just now: an earlier connection ends for a later one. */
    private final Map<String, Receiver> receivers = new ConcurrentHashMap<>();

    private final Map<String, Object> locks = new ConcurrentHashMap<>();

    private record Receiver(PeerChannel channel, Thread thread) {}

    @Inject
    public Arrivals(
            Containers containers,
            Policies policies,
            PolicyRegistry policyRegistry,
            Targets targets,
            Migrations migrations,
            Jobs jobs,
            JobRunner runner,
            ApplianceIdentity identity) {
        this.containers = containers;
        this.policies = policies;
        this.policyRegistry = policyRegistry;
        this.targets = targets;
        this.migrations = migrations;
        this.jobs = jobs;
        this.runner = runner;
        this.identity = identity;
    }

    @Override
    public Set<String> operations() {
        return Set.of(
                "migration.begin",
                "migration.file",
                "migration.message",
                "migration.seal",
                "migration.status",
                "migration.abandon");
    }

    /** What is ours by its record, and was not started when the appliance ended, is started. */
    void start(@Observes @Priority(Integer.MAX_VALUE - 2) StartupEvent event) {
        for (MigrationEntry entry : migrations.all()) {
            if (entry.direction() != MigrationEntry.Direction.IN) {
                continue;
            }
            try {
                boolean received = entry.state() == MigrationEntry.State.COPYING
                        && record(entry).read().state() == HandOverRecord.State.OWNER;
                if (received || entry.state() == MigrationEntry.State.ARRIVED) {
                    arrive(entry);
                }
            } catch (IOException e) {
                LOG.errorf(e, "the migration of container %s cannot go on", entry.container());
            }
        }
    }

    @Override
    public Optional<Map<String, Object>> answer(Call call) throws IOException {
        if (call.operation().equals("migration.begin")) {
            // Two that want the same place are looked at one after the other.
            synchronized (locks) {
                synchronized (lock(call.text("migration"))) {
                    return Optional.of(begin(call));
                }
            }
        }
        MigrationEntry entry = of(call);
        if (call.operation().equals("migration.file")) {
            if (entry.state() != MigrationEntry.State.COPYING) {
                throw ApplianceException.conflict("the migration of container '" + entry.container()
                        + "' was ended here" + (entry.notice() == null ? "" : ": " + entry.notice()));
            }
            receive(entry, call);
            return Optional.empty();
        }
        synchronized (lock(entry.id())) {
            MigrationEntry now = of(call);
            return Optional.of(
                    switch (call.operation()) {
                        case "migration.message" -> message(now, call);
                        case "migration.seal" -> seal(now, call);
                        case "migration.abandon" -> abandon(now);
                        default -> status(now);
                    });
        }
    }

    private Object lock(String id) {
        return locks.computeIfAbsent(id, key -> new Object());
    }

    /** Only the one it comes from may speak of it. */
    private MigrationEntry of(Call call) throws IOException {
        MigrationEntry entry = migrations.get(call.text("migration"));
        if (entry.direction() != MigrationEntry.Direction.IN
                || !entry.peer().equals(call.peer().name())) {
            throw ApplianceException.notFound("there is no migration '" + call.text("migration") + "' from there");
        }
        return entry;
    }

    // Beginning

    private Map<String, Object> begin(Call call) throws IOException {
        String id = call.text("migration");
        if (!id.matches("[0-9a-f-]{36}")) {
            throw ApplianceException.usage("'" + id + "' is no id of a migration");
        }
        Optional<MigrationEntry> known = migrations.find(id);
        Map<String, Object> details = new LinkedHashMap<>(call.request());
        details.remove("operation");
        List<ArrivingImage> images = wanted(call.request());
        if (known.isPresent()) {
            requireFree(of(call));
        }
        List<String> notices = check(call, images);
        supersede(call);
        for (ArrivingImage image : images) {
            image.begin();
        }
        details.put("places", places(images));
        if (known.isPresent()) {
            migrations.details(id, details);
            migrations.state(id, MigrationEntry.State.COPYING, null);
        } else {
            migrations.add(new MigrationEntry(
                    id,
                    MigrationEntry.Direction.IN,
                    call.text("container"),
                    call.peer().name(),
                    MigrationEntry.State.COPYING,
                    details,
                    null,
                    Instant.now(),
                    Instant.now()));
        }
        return Map.of("notices", notices);
    }

    /**
     * Its source begins anew, so what it began before is over, also when it could not say so. Left as it is, an earlier attempt would
     * take what comes now for its own at the next start.
     */
    private void supersede(Call call) throws IOException {
        for (MigrationEntry earlier : coming()) {
            if (isOfSame(earlier, call) && !earlier.id().equals(call.text("migration"))) {
                synchronized (lock(earlier.id())) {
                    abandon(migrations.get(earlier.id()));
                }
            }
        }
    }

    private void requireFree(MigrationEntry entry) throws IOException {
        if (record(entry).read().state() == HandOverRecord.State.OWNER) {
            throw ApplianceException.conflict("container '" + entry.container() + "' has arrived here already");
        }
    }

    private static Map<String, Object> places(List<ArrivingImage> images) {
        Map<String, Object> places = new LinkedHashMap<>();
        images.forEach(image -> places.put(image.id(), image.path().toString()));
        return places;
    }

    /** Where images are to lie: where they lay, or in the folder that was wished for. */
    private static List<ArrivingImage> wanted(Map<String, Object> request) throws IOException {
        List<ArrivingImage> images = new ArrayList<>();
        for (Map<String, Object> image : maps(request.get("images"))) {
            Path path = Path.of(String.valueOf(image.get("path"))).normalize();
            Path name = path.getFileName();
            if (!path.isAbsolute() || name == null) {
                throw ApplianceException.usage("the path of an image must be absolute, not '" + path + "'");
            }
            Object destination = request.get("destination");
            images.add(new ArrivingImage(
                    String.valueOf(image.get("id")),
                    destination == null ? path : Path.of(destination.toString()).resolve(name)));
        }
        if (images.isEmpty()) {
            throw ApplianceException.usage("a container without images does not move");
        }
        return images;
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> maps(@org.jspecify.annotations.Nullable Object value) {
        return value instanceof List<?> list ? (List<Map<String, Object>>) list : List.of();
    }

    /** Looks whether it can work, and changes nothing; what cannot work is refused with all its reasons. */
    private List<String> check(Call call, List<ArrivingImage> images) throws IOException {
        List<String> problems = new ArrayList<>();
        String container = Names.check(call.text("container"));
        if (call.text("appliance").equals(identity.id())) {
            problems.add("that is this appliance itself");
        }
        if (containers.find(container).isPresent()) {
            problems.add("there is a container '" + container + "' already; remove it, or rename one of them");
        }
        List<Map<String, Object>> described = maps(call.request().get("images"));
        // What was received of another one may be all there is: its source may have decided.
        for (MigrationEntry other : coming()) {
            for (ArrivingImage image : images) {
                if (!isOfSame(other, call) && comesTo(other, image)) {
                    problems.add("container '" + other.container() + "' of appliance '" + other.peer()
                            + "' is on its way to " + image.path()
                            + "; wait for it, name another folder with --to, or end it there with 'tidemark migrations abandon "
                            + other.id() + "'");
                }
            }
        }
        for (int i = 0; i < images.size(); i++) {
            checkPlace(images.get(i), number(described.get(i), "dataBytes"), problems);
        }
        ContainerUse use = ContainerUse.ofMap(call.request().get("use"));
        ContainerUse.RuncUse runc = use.runc();
        if (runc != null) {
            checkRunc(runc, problems);
        }
        if (!problems.isEmpty()) {
            throw ApplianceException.conflict(
                    "container '" + container + "' cannot come: " + String.join("; ", problems));
        }
        List<String> notices = new ArrayList<>();
        for (Map<String, Object> policy : maps(call.request().get("policies"))) {
            TravelledPolicy.missing(policy, targets).ifPresent(notices::add);
        }
        return notices;
    }

    /** What is on its way to here. */
    private List<MigrationEntry> coming() {
        return migrations.all().stream()
                .filter(entry -> entry.direction() == MigrationEntry.Direction.IN
                        && entry.state() == MigrationEntry.State.COPYING)
                .toList();
    }

    private static boolean comesTo(MigrationEntry entry, ArrivingImage image) {
        return images(entry).stream().anyMatch(one -> one.path().equals(image.path()));
    }

    /** Whether it is an earlier or later attempt of the same source to hand over the same container. */
    private static boolean isOfSame(MigrationEntry entry, Call call) throws IOException {
        return entry.peer().equals(call.peer().name()) && entry.container().equals(call.text("container"));
    }

    private static void checkPlace(ArrivingImage image, long bytes, List<String> problems) throws IOException {
        Path parent = image.path().getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            problems.add("there is no folder " + parent + " for image " + image.id()
                    + "; make it, or name another with --to");
            return;
        }
        if (Files.exists(image.path(), LinkOption.NOFOLLOW_LINKS)) {
            boolean left = Files.isDirectory(image.path())
                    && MovedImage.record(image.path()).read().state() == HandOverRecord.State.GONE;
            problems.add(image.path() + " exists already"
                    + (left
                            ? ": it is what was left when the container went away from here; move it aside or delete it"
                            : "; move it aside, or name another folder with --to"));
        }
        long free = Mounts.space(parent).freeBytes();
        if (free < bytes + SPARE_BYTES) {
            problems.add("image " + image.id() + " needs " + (bytes >> 20) + " MiB in " + parent + ", where "
                    + (free >> 20) + " MiB are free");
        }
    }

    private static void checkRunc(ContainerUse.RuncUse runc, List<String> problems) throws IOException {
        if (!Runc.isInstalled()) {
            problems.add("runc is not installed there");
            return;
        }
        Path config = Path.of(runc.bundle()).resolve("config.json");
        if (Files.exists(config) && !Files.readString(config).equals(runc.config())) {
            problems.add(config + " exists already and is another one; move the bundle aside");
        }
    }

    private static long number(Map<String, Object> map, String name) {
        return map.get(name) instanceof Number number ? number.longValue() : 0;
    }

    // Files

    private static List<ArrivingImage> images(MigrationEntry entry) {
        List<ArrivingImage> images = new ArrayList<>();
        if (entry.details().get("places") instanceof Map<?, ?> places) {
            places.forEach((id, path) -> images.add(new ArrivingImage(id.toString(), Path.of(path.toString()))));
        }
        return images;
    }

    private static ArrivingImage image(MigrationEntry entry, String id) throws IOException {
        return images(entry).stream()
                .filter(image -> image.id().equals(id))
                .findFirst()
                .orElseThrow(() -> ApplianceException.usage("there is no image '" + id + "' in this migration"));
    }

    private void receive(MigrationEntry entry, Call call) throws IOException {
        Path file = image(entry, call.text("image")).file(call.text("file"));
        String key = entry.id() + "/" + call.text("image") + "/" + call.text("file");
        Receiver mine = new Receiver(call.channel(), Thread.currentThread());
        Receiver before = receivers.put(key, mine);
        if (before != null) {
            // Its connection was cut, and it may not have noticed.
            before.channel().close();
            join(before.thread());
        }
        try {
            call.channel().send(Map.of("receiving", true));
            call.channel().patience(BETWEEN_PARTS);
            new CheckedStreamReceiver(call.channel().in(), call.channel().out()).receive(file, ByteBuffer.allocate(0));
        } catch (IOException e) {
            LOG.debugf(e, "receiving %s ended", file);
        } finally {
            receivers.remove(key, mine);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(RECEIVER_ENDS_WITHIN.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Map<String, Object> seal(MigrationEntry entry, Call call) throws IOException {
        for (Map<String, Object> described : maps(entry.details().get("images"))) {
            ArrivingImage image = image(entry, String.valueOf(described.get("id")));
            List<String> names = new ArrayList<>();
            if (described.get("files") instanceof List<?> files) {
                files.forEach(name -> names.add(name.toString()));
            }
            image.requireWhole(names);
        }
        Map<String, Object> details = new LinkedHashMap<>(entry.details());
        details.put("identities", call.request().get("identities"));
        migrations.details(entry.id(), details);
        return Map.of("sealed", true);
    }

    // The hand-over

    private static SharedRecord record(MigrationEntry entry) throws IOException {
        List<HandOverFile> records = new ArrayList<>();
        for (ArrivingImage image : images(entry)) {
            records.add(image.record());
        }
        return new SharedRecord(records);
    }

    private Map<String, Object> message(MigrationEntry entry, Call call) throws IOException {
        Message message = HandOverWords.message(call.request())
                .orElseThrow(() -> ApplianceException.usage("an empty message of a hand-over"));
        HandOver handOver = new HandOver(record(entry));
        handOver.recover();
        boolean awaited = handOver.record().state() == HandOverRecord.State.AWAITED
                && message.kind() == Message.Kind.COMMIT
                && handOver.record().attempt().equals(message.attempt());
        if (awaited) {
            try {
                place(entry);
            } catch (IOException e) {
                // It can never be ours: that is recorded before it is said.
                LOG.errorf(e, "container %s cannot be taken over", entry.container());
                migrations.state(entry.id(), MigrationEntry.State.ENDED, FailureKind.words(e));
                handOver = new HandOver(record(entry));
                handOver.recover();
                handOver.giveUpWaiting();
            }
            if (handOver.record().state() == HandOverRecord.State.AWAITED) {
                // Its files have other names now.
                handOver = new HandOver(record(entry));
                handOver.recover();
            }
        }
        Optional<Message> said = handOver.receive(message);
        if (handOver.record().state() == HandOverRecord.State.OWNER && entry.state() == MigrationEntry.State.COPYING) {
            arrive(entry);
        }
        return said.map(HandOverWords::of).orElse(Map.of());
    }

    /** Its folders get their names, and its trackers learn what they look like here. */
    private static void place(MigrationEntry entry) throws IOException {
        if (!(entry.details().get("identities") instanceof Map<?, ?> identities)) {
            throw ApplianceException.conflict("the last part of the images has not arrived");
        }
        for (ArrivingImage image : images(entry)) {
            image.place();
            MovedImage.adopt(image.path(), String.valueOf(identities.get(image.id())));
        }
    }

    /** It is ours: known from now on, and started by a job. Can be repeated. */
    private void arrive(MigrationEntry entry) throws IOException {
        List<ContainerEntry.Image> images = images(entry).stream()
                .map(image -> new ContainerEntry.Image(image.id(), image.path().toString()))
                .toList();
        List<String> notices = new ArrayList<>();
        if (containers.find(entry.container()).isEmpty()) {
            containers.add(new ContainerEntry(entry.container(), images, runtime(entry), Instant.now()));
        }
        for (Map<String, Object> policy : maps(entry.details().get("policies"))) {
            TravelledPolicy.adopt(policy, entry.container(), targets, policies, policyRegistry)
                    .ifPresent(notices::add);
        }
        migrations.state(entry.id(), MigrationEntry.State.ARRIVED, null);
        if (!jobs.hasOpen(JobEntry.Kind.ARRIVE, entry.container())) {
            Map<String, Object> request = new LinkedHashMap<>();
            request.put("kind", JobEntry.Kind.ARRIVE.name());
            request.put("container", entry.container());
            request.put("migration", entry.id());
            request.put("notices", notices);
            runner.submit(new NewJob(
                    JobEntry.Kind.ARRIVE,
                    entry.container(),
                    null,
                    null,
                    JobEntry.Cause.MANUAL,
                    "appliance " + entry.peer(),
                    request));
        }
    }

    private static ContainerEntry.Runtime runtime(MigrationEntry entry) {
        if (entry.details().get("runtime") instanceof Map<?, ?> words) {
            return new ContainerEntry.Runtime(
                    ContainerEntry.RuntimeKind.valueOf(String.valueOf(words.get("kind"))),
                    String.valueOf(words.get("id")),
                    String.valueOf(words.get("cgroup")),
                    String.valueOf(words.get("root")));
        }
        return ContainerEntry.Runtime.NONE;
    }

    /** How the container was used there, with its images where they are here. */
    static ContainerUse use(MigrationEntry entry) throws IOException {
        ContainerUse there = ContainerUse.ofMap(entry.details().get("use"));
        List<ContainerUse.ImageUse> images = new ArrayList<>();
        for (ArrivingImage image : images(entry)) {
            images.add(there.image(image.id()).at(image.path().toString()));
        }
        return new ContainerUse(images, there.runc());
    }

    private Map<String, Object> status(MigrationEntry entry) {
        Map<String, Object> status = new LinkedHashMap<>();
        status.put("state", entry.state().name());
        if (entry.notice() != null) {
            status.put("notice", entry.notice());
        }
        return status;
    }

    /** The source goes on with it. */
    private Map<String, Object> abandon(MigrationEntry entry) throws IOException {
        if (entry.state() == MigrationEntry.State.ENDED
                && images(entry).stream()
                        .anyMatch(image -> coming().stream().anyMatch(later -> comesTo(later, image)))) {
            // Said late: what lies there now is another attempt's.
            return Map.of("ended", true);
        }
        refuse(entry);
        for (ArrivingImage image : images(entry)) {
            image.remove();
        }
        migrations.state(entry.id(), MigrationEntry.State.ENDED, "the source went on with it");
        return Map.of("ended", true);
    }

    /** It will never be ours. */
    private static HandOverRecord refuse(MigrationEntry entry) throws IOException {
        HandOver handOver = new HandOver(record(entry));
        handOver.recover();
        if (handOver.record().state() == HandOverRecord.State.OWNER) {
            throw ApplianceException.conflict("container '" + entry.container() + "' has arrived here");
        }
        handOver.giveUpWaiting();
        return handOver.record();
    }

    /**
     * Waits no longer for a container that is coming. Always safe: its source, should it have decided already, hears that it was
     * refused and starts it again. For that the record stays when one was promised; what was received goes.
     */
    public void giveUp(String id) throws IOException {
        synchronized (lock(id)) {
            MigrationEntry entry = migrations.get(id);
            if (entry.direction() != MigrationEntry.Direction.IN || entry.state() != MigrationEntry.State.COPYING) {
                throw ApplianceException.conflict("migration " + id + " is not on its way to here");
            }
            boolean promised = refuse(entry).state() == HandOverRecord.State.REFUSED;
            migrations.state(id, MigrationEntry.State.ENDED, "given up here");
            for (Map.Entry<String, Receiver> receiving : receivers.entrySet()) {
                if (receiving.getKey().startsWith(id + "/")) {
                    receiving.getValue().channel().close();
                    join(receiving.getValue().thread());
                }
            }
            for (ArrivingImage image : images(entry)) {
                if (promised) {
                    image.removeFiles();
                } else {
                    image.remove();
                }
            }
        }
    }
}
