package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.migrate.CopyLimits;
import org.tidemark.ploop.migrate.CopyProgress;
import org.tidemark.ploop.migrate.CopySink;
import org.tidemark.ploop.migrate.CopySource;
import org.tidemark.ploop.migrate.LiveCopy;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.CopyClient;

/** Copies the file that an attached image is written to, its top delta, while it is in use. */
public final class LiveFileCopy {
    private static final Duration STOP_LIMIT = Duration.ofMinutes(10);

    private LiveFileCopy() {}

    /**
     * What is wished for.
     *
     * @param device the device, by its name, image or block device
     * @param stopCommand what the shell runs before the last part is copied, as to stop the container; null for nothing
     * @param pauseLimit for how long at most nobody may write while the last part is copied
     */
    public record Order(String device, @Nullable String stopCommand, CopyLimits limits, Duration pauseLimit) {}

    /** Where the copy goes, made when the source is known. */
    @FunctionalInterface
    public interface Destination {
        CopySink open(CopySource source) throws IOException;
    }

    /** Copies; whole and durable there on return. When it fails the container just goes on. */
    public static LiveCopy.Outcome run(DataPlane plane, Order order, Destination destination, CopyProgress progress)
            throws IOException {
        Optional<AttachedDevice> found = plane.find(order.device());
        AttachedDevice device = found.orElseThrow(() -> ApplianceException.notFound(
                order.device() + ": no such device is attached; 'tidemark devices' lists them"));
        if (device.image().nfs().isPresent()) {
            device.image().requireHost("is not copied while it is in use");
        }
        try (CopyClient source = CopyClient.begin(
                device.server(), device.deviceId(), pausing(device, order.stopCommand(), order.pauseLimit()))) {
            try (CopySink sink = destination.open(source)) {
                return new LiveCopy(source, sink, order.limits(), progress).run();
            }
        }
    }

    private static CopyClient.Pausing pausing(AttachedDevice device, @Nullable String command, Duration limit) {
        return new CopyClient.Pausing() {
            @Override
            public boolean stop() throws IOException {
                if (command != null) {
                    runStopCommand(command);
                }
                return command != null;
            }

            @Override
            public List<Path> mountPoints() throws IOException {
                return DataPlane.mountPoints(device).stream().limit(1).toList();
            }

            @Override
            public Duration limit() {
                return limit;
            }
        };
    }

    private static void runStopCommand(String command) throws IOException {
        // Standard output may be the copy itself.
        Process process = new ProcessBuilder("sh", "-c", command + " >&2")
                .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            if (!process.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("the stop command did not end within " + STOP_LIMIT.toMinutes()
                        + " minutes, so nothing was copied: " + command);
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new java.io.InterruptedIOException("interrupted while the stop command ran");
        }
        if (process.exitValue() != 0) {
            throw new IOException("the stop command ended with " + process.exitValue()
                    + ", so the copy was given up and the container goes on: " + command);
        }
    }
}
