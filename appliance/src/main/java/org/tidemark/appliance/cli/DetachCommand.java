package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark detach}. */
@Command(
        name = "detach",
        description = "Unmount a device's file system, take the device away and close its image.",
        mixinStandardHelpOptions = true)
final class DetachCommand implements Callable<Integer> {
    /** Nobody has to wait for a disk that does not answer. */
    private static final int ABORT_SECONDS = 5;

    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "DEVICE", description = "Name of the device, its image or its block device.")
    private String device = "";

    @Option(names = "--limit", defaultValue = "30", description = "Give up after so many seconds (${DEFAULT-VALUE}).")
    private int limitSeconds;

    @Option(
            names = "--abort",
            description =
                    "By force, also when it is in use or its disk hangs: whoever uses it gets I/O errors, and what"
                            + " was not synced is lost. The image is closed when its disk answers.")
    private boolean abort;

    @Override
    public Integer call() throws IOException {
        try (DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                .orElseThrow(() -> new NoSuchFileException("nothing is attached: the device server does not run"))) {
            AttachedDevice found = plane.require(device);
            boolean closed = true;
            if (abort) {
                closed = plane.abort(found, Duration.ofSeconds(Math.min(limitSeconds, ABORT_SECONDS)));
            } else {
                plane.detach(found, Duration.ofSeconds(limitSeconds));
            }
            output.object(fields("device", found.deviceId(), "detached", true, "imageClosed", closed));
        }
        return ExitCodes.DONE;
    }
}
