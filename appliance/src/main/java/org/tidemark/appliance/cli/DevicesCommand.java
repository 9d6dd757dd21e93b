package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code tidemark devices}. */
@Command(
        name = "devices",
        description = "List attached devices.",
        mixinStandardHelpOptions = true,
        subcommands = DevicesSetCommand.class)
final class DevicesCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Override
    public Integer call() throws IOException {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                for (AttachedDevice device : plane.devices()) {
                    rows.add(fields(
                            "device", device.deviceId(),
                            "state", device.state(),
                            "blockDevice", device.blockDevice(),
                            "sizeBytes", device.sizeBytes(),
                            "readOnly", device.readOnly(),
                            "image", device.image().toString(),
                            "limits", limits(device),
                            "onFull", device.settings().onFull(),
                            "snapshot", device.level().isEmpty() ? null : device.level(),
                            "mountPoints",
                                    DataPlane.mountPoints(device).stream()
                                            .map(Object::toString)
                                            .toList(),
                            "waitingForSpace", device.waitingForSpace() == 0 ? null : device.waitingForSpace(),
                            "trouble", device.trouble().isEmpty() ? null : device.trouble()));
                }
            }
        }
        output.rows(rows, "nothing is attached");
        return ExitCodes.DONE;
    }

    private static @Nullable String limits(AttachedDevice device) {
        List<String> words = new ArrayList<>();
        if (device.settings().iops() > 0) {
            words.add(device.settings().iops() + " IOPS");
        }
        if (device.settings().bytesPerSecond() > 0) {
            words.add(Sizes.human(device.settings().bytesPerSecond()) + "/s");
        }
        return words.isEmpty() ? null : String.join(", ", words);
    }
}
