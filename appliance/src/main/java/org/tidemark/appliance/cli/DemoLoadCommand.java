package org.tidemark.appliance.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.tidemark.appliance.demo.DemoLoad;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code tidemark demo-load}: the program that runs in the demonstration's container. */
@Command(name = "demo-load", hidden = true, description = "The load of the demonstration.")
final class DemoLoadCommand implements Callable<Integer> {
    @Parameters(index = "0")
    private Path folder = Path.of("");

    @Parameters(index = "1")
    private Path log = Path.of("");

    @Parameters(index = "2")
    private Path stop = Path.of("");

    @Override
    public Integer call() throws Exception {
        new DemoLoad(folder, log, stop).run();
        return ExitCodes.DONE;
    }
}
