package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.HolderWatchdog;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code tidemark bench-freeze}: many instants as a backup takes them, with nothing read and nothing committed. See
 * benchmarks/freeze.sh.
 */
@Command(name = "bench-freeze", hidden = true, description = "Measure instants.", mixinStandardHelpOptions = true)
final class BenchFreezeCommand implements Callable<Integer> {
    private static final String CONSUMER = "bench-freeze";

    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "DEVICE", description = "Name of the device.")
    private String name = "";

    @Option(names = "--samples", defaultValue = "200", description = "How many instants.")
    private int samples = 200;

    @Option(names = "--warm-up", defaultValue = "5", description = "Instants before the first that counts.")
    private int warmUp = 5;

    @Option(names = "--pause-ms", defaultValue = "100", description = "Between two instants.")
    private long pauseMillis = 100;

    @Override
    public Integer call() throws IOException {
        Path scratch = Files.createDirectories(
                Path.of(System.getenv().getOrDefault("TIDEMARK_STATE", "/var/lib/tidemark"), "scratch"));
        try (DataPlane plane = DataPlane.connect(System.getenv())) {
            AttachedDevice device = plane.find(name)
                    .orElseThrow(() -> new java.nio.file.NoSuchFileException(name + ": no such device"));
            List<Path> mounts = DataPlane.mountPoints(device);
            List<Map<String, Object>> rows = new ArrayList<>();
            for (int i = 0; i < warmUp + samples; i++) {
                Map<String, Object> row = one(plane, device, mounts, scratch);
                if (i >= warmUp) {
                    rows.add(row);
                }
                LockSupport.parkNanos(pauseMillis * 1_000_000);
            }
            output.rows(rows, "no sample");
        }
        return ExitCodes.DONE;
    }

    private static Map<String, Object> one(DataPlane plane, AttachedDevice device, List<Path> mounts, Path scratch)
            throws IOException {
        Fields wanted = Fields.of(
                "consumer", CONSUMER,
                "scratchFolder", scratch.toString(),
                "devices", List.of(Map.of("device", device.deviceId())));
        String prepared = plane.client(device)
                .request("instant.prepare", wanted, BackupService.INSTANT_LIMIT)
                .text("prepared");
        FrozenInstant frozen = new FrozenInstant(new HolderWatchdog(device.server()), BackupService.FREEZE_LIMIT);
        long[] body = new long[2];
        long syncing = System.nanoTime();
        FrozenInstant.Outcome<Fields> outcome = frozen.run(mounts, () -> {
            body[0] = System.nanoTime();
            Fields answer = plane.client(device)
                    .request("instant", Fields.of("prepared", prepared), BackupService.INSTANT_LIMIT);
            body[1] = System.nanoTime();
            return answer;
        });
        for (Fields view : outcome.value().objects("views")) {
            plane.client(device)
                    .request("view.secure", Fields.of("view", view.text("view")), BackupService.INSTANT_LIMIT);
            plane.client(device)
                    .request("view.close", Fields.of("view", view.text("view")), BackupService.INSTANT_LIMIT);
        }
        java.util.LinkedHashMap<String, Object> row = new java.util.LinkedHashMap<>();
        fields(
                        "grade", outcome.grade().name(),
                        "frozenMicros", outcome.frozenNanos() / 1000,
                        "freezeMicros", (body[0] - outcome.begunNanoTime()) / 1000,
                        "instantMicros", (body[1] - body[0]) / 1000,
                        "thawMicros", (outcome.begunNanoTime() + outcome.frozenNanos() - body[1]) / 1000,
                        "beforeMicros", (outcome.begunNanoTime() - syncing) / 1000)
                .forEach((key, value) -> row.put(key, java.util.Objects.requireNonNull(value)));
        return row;
    }
}
