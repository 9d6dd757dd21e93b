package org.tidemark.appliance.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * {@code tidemark bench-backup}: one backup by the appliance for each line of its input, to the target it names; what a client that
 * is already there waits. See benchmarks/increment.sh.
 */
@Command(name = "bench-backup", hidden = true, description = "Measure backups.", mixinStandardHelpOptions = true)
final class BenchBackupCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Parameters(paramLabel = "NAME", description = "The container.")
    private String name = "";

    @Override
    public Integer call() throws IOException {
        ApplianceClient client = access.client();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String target = lines.readLine();
        while (target != null) {
            long begun = System.nanoTime();
            Answer job = ApplianceClient.demandSuccess(
                    client.run(ApplianceClient.body("kind", "BACKUP", "container", name, "target", target)));
            Map<String, @Nullable Object> row = BackupCommand.row(job);
            row.put("wholeSeconds", (System.nanoTime() - begun) / 1e9);
            output.object(row);
            target = lines.readLine();
        }
        return ExitCodes.DONE;
    }
}
