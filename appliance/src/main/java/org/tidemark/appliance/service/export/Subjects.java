package org.tidemark.appliance.service.export;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.Retention;
import org.tidemark.appliance.service.SnapshotMounts;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.HolderWatchdog;

/** Opens what can be exported. */
@Singleton
public final class Subjects {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration SECURE_LIMIT = Duration.ofMinutes(5);

    private final Host host;
    private final Repositories repositories;
    private final Points points;
    private final Retention retention;

    @Inject
    public Subjects(Host host, Repositories repositories, Points points, Retention retention) {
        this.retention = retention;
        this.host = host;
        this.repositories = repositories;
        this.points = points;
    }

    /**
     * An attached device as it is at each moment.
     *
     * @param writable only while nobody has it mounted
     */
    public Exports.Subject device(String word, boolean writable) throws IOException {
        AttachedDevice device;
        try (DataPlane plane = host.connect()) {
            device = plane.require(word);
            if (writable && device.readOnly()) {
                throw ApplianceException.usage(device.deviceId() + ": is attached read-only");
            }
            if (writable && !DataPlane.mountPoints(device).isEmpty()) {
                throw ApplianceException.conflict(device.deviceId() + ": is mounted at "
                        + DataPlane.mountPoints(device).get(0) + ", and two writers would destroy its file system;"
                        + " unmount it, or export it for reading");
            }
        }
        if (!writable) {
            RemoteDevice remote = new RemoteDevice(device.deviceId(), new DeviceSource(host, device), false);
            return new Simple("device " + device.deviceId(), remote, remote::close);
        }
        NativeFile claim = claim(device);
        boolean done = false;
        try {
            RemoteDevice remote = new RemoteDevice(device.deviceId(), new DeviceSource(host, device), true);
            done = true;
            return new Simple("device " + device.deviceId(), remote, () -> {
                try (claim) {
                    remote.close();
                }
            });
        } finally {
            if (!done) {
                claim.close();
            }
        }
    }

    /** While it is open nobody can mount the device, nor detach it. */
    private static NativeFile claim(AttachedDevice device) throws IOException {
        try {
            return NativeFile.open(Path.of(device.blockDevice()), NativeFile.READ_ONLY | NativeFile.EXCLUSIVE, 0);
        } catch (OsException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            throw ApplianceException.conflict(device.deviceId() + ": somebody uses " + device.blockDevice()
                    + " for himself, and two writers would destroy what is on it; export it for reading");
        }
    }

    /** A snapshot of an image, attached or not. */
    public Exports.Subject snapshot(String word, String guid) throws IOException {
        DataPlane plane = host.connect();
        AttachedDevice level;
        boolean attached = false;
        try {
            ImagePlace image = SnapshotMounts.imageOf(plane, word);
            String name = "export-" + UUID.randomUUID().toString().replace("-", "");
            // When this process dies the device server detaches it.
            level = plane.attachSnapshot(image, Snapshots.guid(guid), name, true);
            attached = true;
        } finally {
            if (!attached) {
                plane.close();
            }
        }
        boolean done = false;
        try {
            RemoteDevice remote = new RemoteDevice(level.deviceId(), new DeviceSource(host, level), false);
            done = true;
            return new Simple("snapshot " + level.level() + " of " + level.image(), remote, () -> {
                try (plane) {
                    remote.close();
                    detach(level);
                }
            });
        } finally {
            if (!done) {
                try (plane) {
                    detach(level);
                }
            }
        }
    }

    private void detach(AttachedDevice level) throws IOException {
        try (DataPlane plane = host.connect()) {
            plane.detachUnmounted(level, LIMIT);
        }
    }

    /**
     * One image of a recovery point, straight from its target. The point does not expire meanwhile.
     *
     * @param imageId may be null when the point has one image
     */
    public Exports.Subject point(String container, String words, @Nullable String target, @Nullable String imageId)
            throws IOException {
        TargetEntry entry = repositories.choose(target);
        BackupRepository repository = repositories.of(entry);
        RecoveryPoint point = PointSelector.select(points.recent(entry, repository, container), words);
        List<String> images =
                point.images().stream().map(image -> image.imageId()).toList();
        if (imageId == null && images.size() != 1) {
            throw ApplianceException.usage("the point has " + images.size() + " images; say which: " + images);
        }
        String image = imageId == null ? images.get(0) : imageId;
        if (!images.contains(image)) {
            throw ApplianceException.notFound("the point has no image '" + image + "'; it has " + images);
        }
        String what = "image " + image + " of " + container + " at " + point.instant();
        Closeable keep = retention.keepWhileRead(entry, point, "is exported");
        boolean done = false;
        try {
            BlockDevice device =
                    new PointDevice(what, repository.openPoint(point).image(image));
            done = true;
            return new Simple(what, device, () -> {
                try (keep) {
                    device.close();
                }
            });
        } finally {
            if (!done) {
                keep.close();
            }
        }
    }

    /**
     * One instant of a device, with what changed since a checkpoint. Its file system is frozen for the instant.
     *
     * @param consumer who reads; each has checkpoints of its own
     * @param since the checkpoint of an earlier instant of the same consumer whose export was ended as done
     */
    public Exports.Subject instant(String word, String consumer, @Nullable String since) throws IOException {
        DataPlane plane = host.connect();
        boolean done = false;
        try {
            AttachedDevice device = plane.require(word);
            Map<String, Object> wanted = new LinkedHashMap<>();
            wanted.put("device", device.deviceId());
            if (since != null) {
                wanted.put("since", since);
            }
            Fields request = Fields.of(
                    "consumer",
                    consumer,
                    "purpose",
                    "export",
                    "scratchFolder",
                    host.scratchFolder().toString(),
                    "devices",
                    List.of(wanted));
            String prepared = plane.client(device)
                    .request("instant.prepare", request, LIMIT)
                    .text("prepared");
            FrozenInstant.Outcome<Fields> frozen = new FrozenInstant(
                            new HolderWatchdog(device.server()), BackupService.FREEZE_LIMIT)
                    .run(DataPlane.mountPoints(device).stream().limit(1).toList(), () -> plane.client(device)
                            .request("instant", Fields.of("prepared", prepared), LIMIT));
            Fields view = frozen.value().objects("views").get(0);
            plane.client(device).request("view.secure", Fields.of("view", view.text("view")), SECURE_LIMIT);
            ViewSubject subject = new ViewSubject(plane, device, consumer, frozen.value(), frozen.notice());
            done = true;
            return subject;
        } finally {
            if (!done) {
                plane.close();
            }
        }
    }

    private record Simple(String what, BlockDevice device, Closeable whole) implements Exports.Subject {
        @Override
        public void end(boolean done) throws IOException {
            whole.close();
        }
    }
}
