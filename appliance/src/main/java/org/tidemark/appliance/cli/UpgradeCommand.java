package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
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
        ServerUpgrade.Done done =
                ServerUpgrade.run(RunFolder.ofEnvironment(System.getenv()), ServerCommand.ofThisJava(), now, LIMIT);
        output.object(fields(
                "oldPid",
                done.oldPid(),
                "newPid",
                done.newPid(),
                "oldProtocol",
                done.oldProtocol(),
                "newProtocol",
                done.newProtocol(),
                "generation",
                done.generation(),
                "devices",
                done.devices(),
                "pauseMillis",
                done.pauseMillis()));
        return ExitCodes.DONE;
    }
}
