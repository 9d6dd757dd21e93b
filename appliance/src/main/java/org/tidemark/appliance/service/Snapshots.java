package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.FirstSnapshot;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.InternalSnapshots;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.format.qcow2.Snapshot;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.HolderWatchdog;

/**
 * Snapshots that images keep in themselves. An image is named by its path, or as a device by its name, its block device or
 * where it is mounted; when it is attached its device server does the work, else it is done on the files.
 */
public final class Snapshots {
    static final Duration PREPARE_LIMIT = Duration.ofMinutes(5);
    static final Duration INSTANT_LIMIT = Duration.ofSeconds(60);
    private static final Duration CHANGE_LIMIT = Duration.ofDays(2);

    private static final String FOLDER_NOW =
            "the image is a folder of the same name now; the file itself is its base and is not written any more";

    private final Planes planes;
    private final boolean ofCommand;

    /** Connects to the device server, if one runs. */
    @FunctionalInterface
    public interface Planes {
        Optional<DataPlane> connect() throws IOException;
    }

    /** For a service: an image on NFS is left to its device server, and must be attached. */
    public Snapshots(Planes planes) {
        this(planes, false);
    }

    private Snapshots(Planes planes, boolean ofCommand) {
        this.planes = planes;
        this.ofCommand = ofCommand;
    }

    /** For a command, a process of its own that may speak to an NFS server itself. */
    public static Snapshots ofCommand(Planes planes) {
        return new Snapshots(planes, true);
    }

    /**
     * A snapshot that was made.
     *
     * @param grade {@code filesystem} when the mounted file system was frozen, {@code crash} when nobody could freeze it, and
     *     {@code closed} for an image that was not attached
     * @param frozenMillis how long the file system was frozen
     * @param notice why the grade is {@code crash}, or that a single file became a folder; empty otherwise
     */
    public record Created(String image, String guid, String grade, long frozenMillis, String notice) {}

    /** Where an image is: attached, or just files. */
    private record Place(
            ImagePlace image,
            @Nullable DataPlane plane,
            @Nullable AttachedDevice device) implements AutoCloseable {
        ChainFiles files() throws IOException {
            return AttachedImage.filesOf(image);
        }

        @Override
        public void close() {
            if (plane != null) {
                plane.close();
            }
        }
    }

    private Place place(String word) throws IOException {
        Optional<DataPlane> running = planes.connect();
        if (running.isPresent()) {
            DataPlane plane = running.get();
            boolean found = false;
            try {
                Optional<AttachedDevice> device = find(plane, word);
                if (device.isPresent()) {
                    found = true;
                    return new Place(device.get().image(), plane, device.get());
                }
            } finally {
                if (!found) {
                    plane.close();
                }
            }
        }
        ImagePlace image = ImagePlace.of(word);
        if (!image.isThere()) {
            throw new NoSuchFileException(word + ": there is no such image, and no such device is attached");
        }
        if (image.nfs().isPresent() && !ofCommand) {
            throw ApplianceException.conflict(word + ": is not attached; attach it first, or use 'tidemark snapshot'");
        }
        return new Place(image, null, null);
    }

    static Optional<AttachedDevice> find(DataPlane plane, String word) throws IOException {
        Optional<AttachedDevice> named = plane.find(word);
        if (named.isPresent() || ImagePlace.isAddress(word)) {
            return named;
        }
        Path path = Path.of(word).toAbsolutePath();
        for (AttachedDevice device : plane.devices()) {
            if (device.level().isEmpty() && DataPlane.mountPoints(device).contains(path)) {
                return Optional.of(device);
            }
        }
        return Optional.empty();
    }

    /** A GUID with or without braces, in whatever case. */
    public static String guid(String text) {
        String plain = text.strip().toLowerCase(Locale.ROOT);
        return plain.startsWith("{") ? plain : "{" + plain + "}";
    }

    /** All levels of an image, as its descriptor lists them. */
    public List<SnapshotOperations.Snapshot> list(String word) throws IOException {
        try (Place place = place(word)) {
            return levels(place);
        }
    }

    /** The files of an attached image on NFS are its device server's alone. */
    private static List<SnapshotOperations.Snapshot> levels(Place place) throws IOException {
        AttachedDevice device = place.device();
        if (place.plane() == null || device == null || place.image().nfs().isEmpty()) {
            return SnapshotOperations.list(place.files());
        }
        Fields wanted = Fields.of("device", device.deviceId());
        List<SnapshotOperations.Snapshot> levels = new ArrayList<>();
        for (Fields one : place.plane()
                .client(device)
                .request("snapshot.list", wanted, PREPARE_LIMIT)
                .objects("snapshots")) {
            levels.add(new SnapshotOperations.Snapshot(
                    one.text("snapshot"),
                    one.text("parent"),
                    one.text("file"),
                    one.flag("current"),
                    one.flag("temporary")));
        }
        return levels;
    }

    /** None on NFS, where only images of other formats are served. */
    private static boolean mayHaveInternal(Place place) {
        return place.image().path().isPresent();
    }

    /** The snapshots inside the file of a qcow2 image, which other programs made. */
    public List<Snapshot> internal(String word) throws IOException {
        try (Place place = place(word)) {
            return mayHaveInternal(place) ? InternalSnapshots.list(place.files()) : List.of();
        }
    }

    /** Whether a name means one of these, and no level. */
    private static boolean isInternal(Place place, String name) throws IOException {
        if (!mayHaveInternal(place)) {
            return false;
        }
        ChainFiles files = place.files();
        return InternalSnapshots.has(files, name)
                && SnapshotOperations.list(files).stream().noneMatch(level -> isCalled(level, name));
    }

    private static boolean isCalled(SnapshotOperations.Snapshot level, String name) {
        return level.guid().equals(guid(name)) || level.file().equals(name);
    }

    private static void requireDetached(Place place, String why) throws ImageException {
        AttachedDevice device = place.device();
        if (device != null) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    place.image() + ": is attached as '" + device.deviceId() + "', and " + why + "; detach it first");
        }
    }

    /** A name that is none is found out before anything is locked. */
    private static String requireLevel(Place place, String text) throws IOException {
        for (SnapshotOperations.Snapshot level : levels(place)) {
            if (isCalled(level, text)) {
                return level.guid();
            }
        }
        throw ApplianceException.notFound(
                place.image() + ": there is no snapshot " + text + "; 'tidemark snapshot list' shows those there are");
    }

    /** Freezes the present content as a level. A mounted file system is frozen for the instant. */
    public Created create(String word) throws IOException {
        return create(word, UUID.randomUUID());
    }

    /** The same under a name of the caller's choice, which no snapshot of the image has. */
    public Created create(String word, UUID name) throws IOException {
        try (Place place = place(word)) {
            if (place.plane() == null || place.device() == null) {
                ChainFiles files = place.files();
                if (FirstSnapshot.concerns(files)) {
                    String first = new FirstSnapshot(Guid.firstThenRandom(name)).take(files);
                    return new Created(files.name(), first, "closed", 0, FOLDER_NOW);
                }
                String guid = new SnapshotOperations(Guid.firstThenRandom(name)).create(files);
                return new Created(files.name(), guid, "closed", 0, "");
            }
            return create(place.plane(), place.device(), name);
        }
    }

    /** The same of several images at one instant: all of them get the snapshot, or none does. */
    public Together createTogether(List<String> words) throws IOException {
        return new SnapshotsTogether(this, planes).create(words);
    }

    /**
     * A snapshot of several images.
     *
     * @param guid its name in each of them
     * @param images as they were named
     * @param grade {@code filesystem} when every mounted file system was frozen, else {@code crash}; {@code closed} when no
     *     image was attached
     */
    public record Together(String guid, List<String> images, String grade, long frozenMillis, String notice) {}

    private static Created create(DataPlane plane, AttachedDevice device, UUID name) throws IOException {
        boolean becomesFolder = becomesFolder(device);
        List<Path> mounts = DataPlane.mountPoints(device).stream().limit(1).toList();
        Fields prepared = plane.client(device)
                .request(
                        "snapshot.prepare",
                        Fields.of("device", device.deviceId(), "snapshot", Guid.of(name)),
                        PREPARE_LIMIT);
        FrozenInstant frozen = new FrozenInstant(new HolderWatchdog(device.server()), BackupService.FREEZE_LIMIT);
        FrozenInstant.Outcome<Fields> outcome = frozen.run(mounts, () -> plane.client(device)
                .request(
                        "snapshot.create",
                        Fields.of("device", device.deviceId(), "prepared", prepared.text("prepared")),
                        INSTANT_LIMIT));
        return new Created(
                device.image().toString(),
                outcome.value().text("snapshot"),
                outcome.grade().name().toLowerCase(Locale.ROOT),
                (outcome.frozenNanos() + 999_999) / 1_000_000,
                notice(outcome.notice(), becomesFolder));
    }

    private static boolean becomesFolder(AttachedDevice device) throws IOException {
        return device.image().path().isPresent() && FirstSnapshot.concerns(AttachedImage.filesOf(device.image()));
    }

    private static String notice(String ofInstant, boolean becomesFolder) {
        if (!becomesFolder) {
            return ofInstant;
        }
        return ofInstant.isEmpty() ? FOLDER_NOW : ofInstant + "; " + FOLDER_NOW;
    }

    /** Deletes a level; every other one keeps its content. */
    public SnapshotOperations.Deleted delete(String word, String guid, ChainProgress progress) throws IOException {
        try (Place place = place(word)) {
            if (isInternal(place, guid)) {
                requireDetached(place, "snapshots inside the file of an image in use stay as they are");
                InternalSnapshots.delete(place.files(), guid);
                return SnapshotOperations.Deleted.REMOVED;
            }
            String level = requireLevel(place, guid);
            if (place.plane() == null || place.device() == null) {
                return new SnapshotOperations(UUID::randomUUID, progress).delete(place.files(), level);
            }
            Fields wanted = Fields.of("device", place.device().deviceId(), "snapshot", level);
            return SnapshotOperations.Deleted.valueOf(
                    change(place.plane(), place.device(), "snapshot.delete", wanted, progress)
                            .text("outcome"));
        }
    }

    /** Merges a level into its parent, or all of them into one file when {@code guid} is null. How many went. */
    public int merge(String word, @Nullable String guid, ChainProgress progress) throws IOException {
        try (Place place = place(word)) {
            String level = guid == null ? null : requireLevel(place, guid);
            if (place.plane() != null && place.device() != null) {
                Fields wanted = Fields.of("device", place.device().deviceId(), "snapshot", level);
                return (int) change(place.plane(), place.device(), "snapshot.merge", wanted, progress)
                        .number("merged");
            }
            SnapshotOperations operations = new SnapshotOperations(UUID::randomUUID, progress);
            if (level == null) {
                return operations.mergeAll(place.files());
            }
            operations.merge(place.files(), level);
            return 1;
        }
    }

    /** Goes back to a snapshot; what was written since is gone. Refused while the image is attached. */
    public void switchTo(String word, String guid) throws IOException {
        try (Place place = place(word)) {
            requireDetached(place, "its content would change under whoever uses it");
            if (isInternal(place, guid)) {
                InternalSnapshots.restore(place.files(), guid);
                return;
            }
            new SnapshotOperations(UUID::randomUUID).switchTo(place.files(), requireLevel(place, guid));
        }
    }

    /** The device server works in the request; how far it is and that it is to stop goes over a connection of its own. */
    private Fields change(DataPlane plane, AttachedDevice device, String command, Fields wanted, ChainProgress progress)
            throws IOException {
        try (SnapshotWatch watch = new SnapshotWatch(planes, device, progress)) {
            watch.start();
            return plane.client(device).request(command, wanted, CHANGE_LIMIT);
        }
    }
}
