package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.tidemark.ploop.server.DeviceServerMain;
import org.tidemark.ploop.server.RunFolder;
import picocli.CommandLine.Command;

/** {@code tidemark device-server}: usually started by the holder. */
@Command(
        name = "device-server",
        description = "Run the data plane in the foreground. The holder starts it; you rarely need to.",
        mixinStandardHelpOptions = true,
        subcommands = UpgradeCommand.class)
final class DeviceServerCommand implements Callable<Integer> {
    @Override
    public Integer call() throws IOException {
        List<String> arguments = new ArrayList<>();
        arguments.add("--run=" + RunFolder.ofEnvironment(System.getenv()).path());
        DeviceServerMain.main(arguments.toArray(new String[0]));
        return ExitCodes.DONE;
    }
}
