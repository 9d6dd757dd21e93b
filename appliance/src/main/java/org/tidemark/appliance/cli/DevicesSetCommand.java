package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.Callable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tidemark devices set}. */
@Command(
        name = "set",
        description = "Change the limits of an attached device, or what it does when its disk is full. What is not"
                + " named stays. Holds at once, also for requests that wait.",
        mixinStandardHelpOptions = true)
final class DevicesSetCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private DeviceOptions options = new DeviceOptions();

    @Parameters(paramLabel = "DEVICE", description = "Name of the device, its image or its block device.")
    private String device = "";

    @Override
    public Integer call() throws IOException {
        Fields changes = options.settings();
        if (changes.values().isEmpty()) {
            throw new IllegalArgumentException("nothing to change: give --on-full, --iops, --bandwidth or --burst");
        }
        try (DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                .orElseThrow(() -> new NoSuchFileException("nothing is attached: the device server does not run"))) {
            AttachedDevice found = plane.require(device);
            AttachedDevice changed = plane.client(found).set(found.deviceId(), changes);
            output.object(fields(
                    "device", changed.deviceId(),
                    "onFull", changed.settings().onFull(),
                    "iops", changed.settings().iops(),
                    "bytesPerSecond", changed.settings().bytesPerSecond(),
                    "burstMillis", changed.settings().burstMillis()));
        }
        return ExitCodes.DONE;
    }
}
