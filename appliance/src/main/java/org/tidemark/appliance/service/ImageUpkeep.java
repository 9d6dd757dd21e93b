package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** What is done to the files of an image that is attached, by its device server, in pauses of the container. */
public final class ImageUpkeep {
    private static final Duration REPAIR_LIMIT = Duration.ofMinutes(30);
    private static final Duration COMPACT_LIMIT = Duration.ofDays(2);

    private ImageUpkeep() {}

    /** What a repair did, and the names of its undo files. */
    public record Repaired(List<String> steps, List<String> undoFiles) {}

    /**
     * What a compaction did to the file that is written to.
     *
     * @param longestPauseMillis how long the container waited at most
     * @param complete false when it was called off, because the image was detached
     */
    public record Compacted(long beforeBytes, long fileBytes, long longestPauseMillis, boolean complete) {}

    /** Mends an image as {@code image check} says; empty when it is not attached here. */
    public static Optional<Repaired> repair(Map<String, String> environment, ImagePlace image) throws IOException {
        Optional<Fields> done = request(environment, image, "repair", REPAIR_LIMIT);
        return done.isEmpty()
                ? Optional.empty()
                : Optional.of(new Repaired(done.get().texts("steps"), done.get().texts("undoFiles")));
    }

    /** Makes the file of an image as small as it can be; empty when it is not attached here. */
    public static Optional<Compacted> compact(Map<String, String> environment, ImagePlace image) throws IOException {
        Optional<Fields> done = request(environment, image, "compact", COMPACT_LIMIT);
        if (done.isEmpty()) {
            return Optional.empty();
        }
        Fields fields = done.get();
        return Optional.of(new Compacted(
                fields.number("before"),
                fields.number("fileBytes"),
                fields.number("longestPauseMillis"),
                fields.flag("complete")));
    }

    private static Optional<Fields> request(
            Map<String, String> environment, ImagePlace image, String command, Duration limit) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(environment);
        if (running.isEmpty()) {
            return Optional.empty();
        }
        try (DataPlane plane = running.get()) {
            Optional<AttachedDevice> device = plane.find(image.path()
                    .filter(Files::exists)
                    .map(Path::toAbsolutePath)
                    .map(Path::toString)
                    .orElseGet(image::toString));
            return device.isEmpty()
                    ? Optional.empty()
                    : Optional.of(plane.client(device.get())
                            .request(command, Fields.of("device", device.get().deviceId()), limit));
        }
    }
}
