package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.tidemark.ploop.server.HolderMain;
import org.tidemark.ploop.server.RunFolder;
import picocli.CommandLine.Command;

/** {@code tidemark holder}. */
@Command(
        name = "holder",
        description = "Keep descriptors and locks, and start and restart the device server. Runs in the foreground.",
        mixinStandardHelpOptions = true)
final class HolderCommand implements Callable<Integer> {
    @Override
    public Integer call() throws IOException {
        HolderMain.main(new String[] {
            "--run=" + RunFolder.ofEnvironment(System.getenv()).path()
        });
        return ExitCodes.DONE;
    }
}
