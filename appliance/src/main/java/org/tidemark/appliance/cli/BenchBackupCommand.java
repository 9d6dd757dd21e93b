package org.tidemark.appliance.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * {@code tidemark bench-backup}: one backup for each line of its input, to the target it names, in one process, as a long-lived appliance takes
 * them. See benchmarks/increment.sh.
 */
@Command(name = "bench-backup", hidden = true, description = "Measure backups.", mixinStandardHelpOptions = true)
final class BenchBackupCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "NAME", description = "The container.")
    private String name = "";

    @Override
    public Integer call() throws IOException {
        BackupService service = new BackupService(Catalogue.ofEnvironment(System.getenv()));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (DataPlane plane = DataPlane.connect(System.getenv())) {
            String target = lines.readLine();
            while (target != null) {
                long begun = System.nanoTime();
                BackupService.Outcome outcome =
                        service.backup(plane, name, target, (image, offset, counters) -> {}, () -> false);
                Map<String, @Nullable Object> row = PointRow.of(outcome.result().point());
                row.put("wholeSeconds", (System.nanoTime() - begun) / 1e9);
                output.object(row);
                target = lines.readLine();
            }
        }
        return ExitCodes.DONE;
    }
}
