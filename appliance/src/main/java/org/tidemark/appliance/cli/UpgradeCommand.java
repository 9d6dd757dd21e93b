package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.server.RunFolder;
import org.tidemark.ploop.server.ServerCommand;
import org.tidemark.ploop.server.ServerUpgrade;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code tidemark device-server upgrade}. */
@Command(
        name = "upgrade",
        description =
                "Put the device server of this version in the place of the running one, under its devices. Containers"
                        + " see a pause of about a second. What does not start, or does not live, is taken back.",
        mixinStandardHelpOptions = true)
final class UpgradeCommand implements Callable<Integer> {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Mixin
    private Output output = new Output();

    @Option(
            names = "--now",
            description =
                    "Even when backups or changes of snapshots are under way: they end early, and can be repeated.")
    private boolean now;

    @Override
    public Integer call() throws IOException {
        RunFolder run = RunFolder.ofEnvironment(System.getenv());
        List<RunFolder> servers = new ArrayList<>(List.of(run));
        servers.addAll(run.ownWithDevices());
        for (RunFolder server : servers) {
            ServerUpgrade.requirePossible(server, ServerCommand.ofThisJava(), now);
        }
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        List<String> failed = new ArrayList<>();
        for (RunFolder server : servers) {
            try {
                rows.add(row(server, ServerUpgrade.run(server, ServerCommand.ofThisJava(), now, LIMIT)));
            } catch (IOException e) {
                failed.add(server.path() + " (" + FailureKind.words(e) + ")");
            }
        }
        output.rows(rows, "no device server was upgraded");
        if (!failed.isEmpty()) {
            throw new ApplianceException(FailureKind.FAILED, "not upgraded: " + String.join("; ", failed));
        }
        return ExitCodes.DONE;
    }

    private static Map<String, @Nullable Object> row(RunFolder server, ServerUpgrade.Done done) {
        return fields(
                "run", server.path().toString(),
                "oldPid", done.oldPid(),
                "newPid", done.newPid(),
                "oldProtocol", done.oldProtocol(),
                "newProtocol", done.newProtocol(),
                "generation", done.generation(),
                "devices", done.devices(),
                "pauseMillis", done.pauseMillis());
    }
}
