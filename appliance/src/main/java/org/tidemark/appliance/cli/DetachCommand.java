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
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "DEVICE", description = "Name of the device, its image or its block device.")
    private String device = "";

    @Option(names = "--limit", defaultValue = "30", description = "Give up after so many seconds (${DEFAULT-VALUE}).")
    private int limitSeconds;

    @Override
    public Integer call() throws IOException {
        try (DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                .orElseThrow(() -> new NoSuchFileException("nothing is attached: the device server does not run"))) {
            AttachedDevice found = plane.find(device)
                    .orElseThrow(() -> new NoSuchFileException("no device, image or block device '" + device
                            + "' is attached; 'tidemark devices' lists them"));
            plane.detach(found, Duration.ofSeconds(limitSeconds));
            output.object(fields("device", found.deviceId(), "detached", true));
        }
        return ExitCodes.DONE;
    }
}
