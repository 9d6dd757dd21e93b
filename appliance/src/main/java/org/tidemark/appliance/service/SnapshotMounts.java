package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.filesystem.SnapshotMount;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Snapshots mounted beside their images. */
public final class SnapshotMounts {
    private static final Duration UNDO_LIMIT = Duration.ofSeconds(30);
    private static final int NAME_CHARACTERS = 32;
    private static final int GUID_CHARACTERS = 8;

    private SnapshotMounts() {}

    /** A snapshot that is mounted. */
    public record Mounted(String image, String guid, String deviceId, String blockDevice, String mountPoint) {}

    /** Attaches a snapshot of an image, attached itself or not, and mounts its file system read-only. */
    public static Mounted mount(DataPlane plane, String word, String guid, Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder + ": is not a folder to mount at");
        }
        ImagePlace image = imageOf(plane, word).real();
        AttachedDevice device = plane.attachSnapshot(image, Snapshots.guid(guid), nameFor(image, guid), false);
        boolean done = false;
        try {
            SnapshotMount.mount(Path.of(device.blockDevice()), folder);
            done = true;
            return new Mounted(
                    image.toString(),
                    device.level(),
                    device.deviceId(),
                    device.blockDevice(),
                    folder.toRealPath().toString());
        } finally {
            if (!done) {
                plane.detachUnmounted(device, UNDO_LIMIT);
            }
        }
    }

    /** The image of a device, or one that is not attached. */
    public static ImagePlace imageOf(DataPlane plane, String word) throws IOException {
        ImagePlace image = plane.find(word).map(AttachedDevice::image).orElseGet(() -> ImagePlace.of(word));
        if (!image.isThere()) {
            throw new NoSuchFileException(word + ": there is no such image, and no such device is attached");
        }
        return image;
    }

    private static String nameFor(ImagePlace image, String guid) {
        String plain = image.fileName().replaceAll("[^A-Za-z0-9_]", "_");
        String start = plain.substring(0, Math.min(NAME_CHARACTERS, plain.length()));
        String mark = Integer.toHexString(image.toString().hashCode());
        String level = Snapshots.guid(guid).replaceAll("[^0-9a-f]", "");
        return "at-" + level.substring(0, Math.min(GUID_CHARACTERS, level.length())) + "-" + start + "-" + mark;
    }

    /** Unmounts a snapshot, named by where it is mounted, its device, its block device or its GUID, and detaches it. */
    public static Mounted unmount(DataPlane plane, String word) throws IOException {
        Path path = Files.exists(Path.of(word))
                ? Path.of(word).toRealPath()
                : Path.of(word).toAbsolutePath();
        for (AttachedDevice device : plane.devices()) {
            if (device.level().isEmpty()) {
                continue;
            }
            List<Path> points = DataPlane.mountPoints(device);
            boolean meant = device.deviceId().equals(word)
                    || device.blockDevice().equals(word)
                    || device.level().equals(Snapshots.guid(word))
                    || points.contains(path);
            if (meant) {
                plane.detach(device, UNDO_LIMIT);
                String where = points.isEmpty() ? "" : points.get(0).toString();
                return new Mounted(
                        device.image().toString(), device.level(), device.deviceId(), device.blockDevice(), where);
            }
        }
        throw new NoSuchFileException(
                "no snapshot is mounted at, or called '" + word + "'; 'tidemark devices' lists what is attached");
    }
}
