package org.tidemark.appliance.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.backup.engine.BackupEngine;
import org.tidemark.backup.engine.BackupJob;
import org.tidemark.backup.engine.BackupProgress;
import org.tidemark.backup.engine.BackupResult;
import org.tidemark.backup.engine.ChangeInfo;
import org.tidemark.backup.engine.DiskSource;
import org.tidemark.backup.engine.NbdDiskSource;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.PointDescription;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.backup.repository.log.Grade;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.filesystem.ConsistencyGrade;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.HolderWatchdog;
import org.tidemark.ploop.server.ServerLauncher;

/** Backs a container up: freezes it for an instant, reads a view of that instant, commits a recovery point. */
public final class BackupService {
    /** Hard bound for the time the container's file system is frozen. */
    public static final Duration FREEZE_LIMIT = Duration.ofSeconds(2);

    /** For an answer of the device server. */
    public static final Duration INSTANT_LIMIT = Duration.ofSeconds(30);

    /** Flushing may have much to write when the file system was not frozen. */
    private static final Duration SECURE_LIMIT = Duration.ofMinutes(5);

    private static final int CONNECTIONS = 4;
    private static final long LOOK_EVERY_NANOS = 50_000_000;

    private final Path scratchFolder;

    /**
     * Backups with their old data kept in one place.
     *
     * @param scratchFolder on a local disk that is not served here
     */
    public BackupService(Path scratchFolder) {
        this.scratchFolder = scratchFolder;
    }

    /**
     * What came of a backup.
     *
     * @param freezeBegun {@code System.nanoTime()} before the freeze
     * @param frozenNanos how long writers were held
     * @param notices what the user should know, for instance why everything was read
     */
    public record Outcome(BackupResult result, long freezeBegun, long frozenNanos, List<String> notices) {}

    /**
     * What to back up.
     *
     * @param parent the newest point, to count changes from
     * @param mark what the point's definition shall carry, so that it can be recognised
     */
    public record Wanted(
            ContainerEntry container,
            BackupRepository repository,
            Optional<RecoveryPoint> parent,
            Map<String, Object> mark) {}

    /** Runs one backup. Only one at a time for a container: that is the caller's to see to. */
    public Outcome backup(DataPlane plane, Wanted wanted, BackupProgress progress, BooleanSupplier cancelled)
            throws IOException {
        Attached attached = attachAll(plane, wanted.container());
        try (Closeable detach = () -> detachAll(plane, attached.onlyForThis())) {
            return run(new Run(plane, wanted, attached.devices()), progress, cancelled);
        }
    }

    /** Also when the device server was killed meanwhile: its successor has the devices. */
    private static void detachAll(DataPlane plane, List<AttachedDevice> devices) throws IOException {
        for (AttachedDevice device : devices) {
            try {
                plane.detachUnmounted(device, INSTANT_LIMIT);
            } catch (ControlException e) {
                if (e.kind() != ControlException.Kind.DISCONNECTED) {
                    throw e;
                }
                try (ControlClient successor = successor(plane, device)) {
                    detachWhenServed(successor, device);
                }
            }
        }
    }

    private static ControlClient successor(DataPlane plane, AttachedDevice device) throws IOException {
        if (device.server().equals(plane.run())) {
            return ServerLauncher.ensureRunning(plane.run());
        }
        try (ControlClient host = ServerLauncher.ensureRunning(plane.run())) {
            return ControlClient.connect(host.ensureOwnServer(device.image()), ControlClient.USUAL_LIMIT);
        }
    }

    private static void detachWhenServed(ControlClient client, AttachedDevice device) throws IOException {
        long end = System.nanoTime() + INSTANT_LIMIT.toNanos();
        while (true) {
            try {
                client.detach(device.deviceId(), INSTANT_LIMIT);
                return;
            } catch (ControlException e) {
                if (e.kind() == ControlException.Kind.NOT_FOUND) {
                    return;
                }
                if (e.kind() != ControlException.Kind.BUSY || System.nanoTime() - end > 0) {
                    throw e;
                }
                LockSupport.parkNanos(LOOK_EVERY_NANOS);
            }
        }
    }

    private record Run(DataPlane plane, Wanted wanted, List<AttachedDevice> devices) {
        ContainerEntry container() {
            return wanted.container();
        }

        BackupRepository repository() {
            return wanted.repository();
        }

        /** All devices have one device server. */
        ControlClient client() throws IOException {
            return plane.client(devices.get(0));
        }

        String consumer() {
            return repository().id() + "/" + container().name();
        }
    }

    private record Attached(List<AttachedDevice> devices, List<AttachedDevice> onlyForThis) {}

    private static Attached attachAll(DataPlane plane, ContainerEntry container) throws IOException {
        List<AttachedDevice> devices = new ArrayList<>();
        List<AttachedDevice> fresh = new ArrayList<>();
        for (ContainerEntry.Image image : container.images()) {
            Optional<AttachedDevice> found = plane.find(image.path());
            if (found.isPresent()) {
                devices.add(found.get());
            } else {
                AttachedDevice device = plane.attach(ImagePlace.of(image.path()), DataPlane.AttachOptions.FOR_ONE_JOB);
                devices.add(device);
                fresh.add(device);
            }
        }
        return new Attached(devices, fresh);
    }

    private Outcome run(Run run, BackupProgress progress, BooleanSupplier cancelled) throws IOException {
        DataPlane.requireOneServer(run.devices());
        Optional<RecoveryPoint> parent = run.wanted().parent();
        List<Path> mounts = new ArrayList<>();
        for (AttachedDevice device : run.devices()) {
            DataPlane.mountPoints(device).stream().findFirst().ifPresent(mounts::add);
        }
        Map<String, Object> definition = definition(run);
        definition.putAll(run.wanted().mark());
        Fields wanted = instantRequest(run, parent);
        String prepared =
                run.client().request("instant.prepare", wanted, INSTANT_LIMIT).text("prepared");
        Fields request = Fields.of("prepared", prepared);
        Instant[] when = new Instant[1];
        FrozenInstant frozen =
                new FrozenInstant(new HolderWatchdog(run.devices().get(0).server()), FREEZE_LIMIT);
        FrozenInstant.Outcome<Fields> instant = frozen.run(mounts, () -> {
            Fields answer = run.client().request("instant", request, INSTANT_LIMIT);
            when[0] = Instant.now();
            return answer;
        });
        PointDescription description = new PointDescription(
                when[0], grade(instant.grade()), (instant.frozenNanos() + 999_999) / 1_000_000, definition);
        List<String> notices = new ArrayList<>();
        if (!instant.notice().isEmpty()) {
            notices.add("grade is crash: " + instant.notice());
        }
        List<View> views = views(run, instant.value(), notices);
        boolean committed = false;
        try {
            for (View view : views) {
                run.client().request("view.secure", Fields.of("view", view.viewId()), SECURE_LIMIT);
            }
            List<DiskSource> sources = new ArrayList<>();
            for (View view : views) {
                sources.add(view.source());
            }
            BackupResult result = new BackupEngine(run.repository(), BackupEngine.DEFAULT_WORKERS)
                    .backup(new BackupJob(run.container().name(), sources, parent, description), progress, cancelled);
            committed = true;
            return new Outcome(result, instant.begunNanoTime(), instant.frozenNanos(), notices);
        } finally {
            settle(run, views, committed, notices);
        }
    }

    private static Grade grade(ConsistencyGrade grade) {
        return grade == ConsistencyGrade.FILESYSTEM ? Grade.FILESYSTEM : Grade.CRASH;
    }

    private Fields instantRequest(Run run, Optional<RecoveryPoint> parent) {
        List<Map<String, Object>> devices = new ArrayList<>();
        for (int i = 0; i < run.devices().size(); i++) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("device", run.devices().get(i).deviceId());
            since(parent, run.container().images().get(i).id())
                    .ifPresent(point -> one.put("since", point.cbtId() + "/" + point.generation()));
            devices.add(one);
        }
        return Fields.of(
                "consumer", run.consumer(),
                "scratchFolder", scratchFolder.toString(),
                "devices", devices);
    }

    private static Optional<CbtCheckpoint> since(Optional<RecoveryPoint> parent, String imageId) {
        return parent.flatMap(point -> point.images().stream()
                .filter(image -> image.imageId().equals(imageId))
                .findFirst()
                .flatMap(PointImage::checkpoint));
    }

    /** An open view and how to settle its interval. */
    private record View(String deviceId, String viewId, String checkpoint, DiskSource source) {}

    private static List<View> views(Run run, Fields answer, List<String> notices) throws IOException {
        List<View> views = new ArrayList<>();
        Path socket = Path.of(answer.text("socket"));
        List<Fields> described = answer.objects("views");
        for (int i = 0; i < described.size(); i++) {
            Fields one = described.get(i);
            String imageId = run.container().images().get(i).id();
            String since = one.text("since", "");
            ChangeInfo changes;
            if (since.isEmpty()) {
                changes = new ChangeInfo.Full(one.text("reason"));
                notices.add("image " + imageId + ": everything is read: " + one.text("reason"));
            } else {
                changes = new ChangeInfo.Incremental(checkpoint(since));
            }
            String checkpoint = one.text("checkpoint");
            Optional<CbtCheckpoint> end = one.flag("tracked") ? Optional.of(checkpoint(checkpoint)) : Optional.empty();
            DiskSource source = new NbdDiskSource(
                    imageId, socket, one.text("export"), changes, end, one.text("bitmap"), CONNECTIONS);
            views.add(new View(one.text("device"), one.text("view"), checkpoint, source));
        }
        return views;
    }

    private static CbtCheckpoint checkpoint(String text) {
        int slash = text.indexOf('/');
        return new CbtCheckpoint(text.substring(0, slash), Long.parseLong(text.substring(slash + 1)));
    }

    /**
     * Tells the tracker how it ended; a view that is closed without a commit gives its changes back. A view dies with its
     * device server, and then its changes go back by themselves: nothing of that hides how the backup ended.
     */
    private static void settle(Run run, List<View> views, boolean committed, List<String> notices) {
        for (View view : views) {
            try {
                view.source().close();
                if (committed) {
                    Fields commit = Fields.of(
                            "device", view.deviceId(), "consumer", run.consumer(), "checkpoint", view.checkpoint());
                    run.client().request("cbt.commit", commit, INSTANT_LIMIT);
                }
                run.client().request("view.close", Fields.of("view", view.viewId()), INSTANT_LIMIT);
            } catch (IOException e) {
                notices.add("device " + view.deviceId() + ": the next backup may read more than it must: "
                        + e.getMessage());
            }
        }
    }

    /** What a restore needs to make the same kind of image again. */
    private static Map<String, Object> definition(Run run) throws IOException {
        ContainerEntry container = run.container();
        List<Map<String, Object>> images = new ArrayList<>();
        for (int i = 0; i < container.images().size(); i++) {
            ContainerEntry.Image image = container.images().get(i);
            ImageLayout layout = run.plane().layout(run.devices().get(i));
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("id", image.id());
            one.put("path", image.path());
            one.put("layout", layout.folder() ? "folder" : "file");
            one.put("format", layout.formatId());
            one.put("clusterBytes", layout.clusterBytes());
            images.add(one);
        }
        Map<String, Object> definition = new LinkedHashMap<>();
        definition.put("name", container.name());
        definition.put("images", images);
        return definition;
    }
}
