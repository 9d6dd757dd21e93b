package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.check.ChainRepair;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/**
 * The files of an image that is attached.
 *
 * <ul>
 *   <li>{@code image.layout}: how it lies in files
 *   <li>{@code repair}: mends what {@code image check} finds, with undo files; the container waits meanwhile
 *   <li>{@code compact}: moves clusters from the end of the file into holes, a bit at a time, and cuts it; between two pauses
 *       the container has as much time as a pause took. Ends also when the image is detached
 * </ul>
 */
final class UpkeepCommands {
    /** Moved in one pause. */
    private static final long PIECE_BYTES = 32L << 20;

    private static final long SHORTEST_REST_NANOS = 20_000_000;

    private final ServedDevices devices;

    UpkeepCommands(ServedDevices devices) {
        this.devices = devices;
    }

    void register(ControlCommands commands) {
        commands.add("image.layout", (arguments, session) -> layout(arguments));
        commands.add("repair", (arguments, session) -> repair(arguments));
        commands.add("compact", (arguments, session) -> compact(arguments));
    }

    private AttachedImage image(Fields arguments) throws ControlException {
        String deviceId = arguments.text("device");
        if (devices.find(deviceId).device() instanceof AttachedImage image) {
            return image;
        }
        throw new ControlException(
                ControlException.Kind.FAILED, deviceId + ": is broken; detach it and check the image");
    }

    private Fields layout(Fields arguments) throws IOException {
        ImageLayout layout = ImageLayout.of(image(arguments).files());
        return Fields.of("folder", layout.folder(), "format", layout.formatId(), "clusterBytes", layout.clusterBytes());
    }

    private Fields repair(Fields arguments) throws IOException {
        AttachedImage image = image(arguments);
        List<String> steps = new ArrayList<>();
        List<String> undoFiles = new ArrayList<>();
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            for (ChainRepair.Repaired one : ChainRepair.run(change, image.files())) {
                one.outcome().steps().forEach(step -> steps.add(one.file() + ": " + step));
                undoFiles.add(one.outcome().undoName());
            }
        }
        return Fields.of("steps", steps, "undoFiles", undoFiles);
    }

    private Fields compact(Fields arguments) throws IOException {
        AttachedImage image = image(arguments);
        long before = topBytes(image.files());
        long longestNanos = 0;
        boolean more = true;
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            while (more && !change.calledOff()) {
                long begun = System.nanoTime();
                more = change.compact(PIECE_BYTES);
                long took = System.nanoTime() - begun;
                longestNanos = Math.max(longestNanos, took);
                if (more) {
                    LockSupport.parkNanos(Math.max(took, SHORTEST_REST_NANOS));
                }
            }
            return Fields.of(
                    "before",
                    before,
                    "fileBytes",
                    topBytes(image.files()),
                    "longestPauseMillis",
                    (longestNanos + 999_999) / 1_000_000,
                    "complete",
                    !more);
        }
    }

    private static long topBytes(ChainFiles files) throws IOException {
        try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
            return io.size();
        }
    }
}
