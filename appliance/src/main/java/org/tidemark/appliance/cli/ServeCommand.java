package org.tidemark.appliance.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.tidemark.appliance.config.PackagedAppliance;
import org.tidemark.appliance.config.ServeOptions;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code tidemark serve}, when it is not the launcher that starts the appliance: runs it as a child. */
@Command(
        name = "serve",
        description = "Run the appliance: the interface for browsers and programs, schedules, jobs. In the foreground.")
final class ServeCommand implements Callable<Integer> {
    private static final String MEMORY = "-Xmx512m";

    /** For the help; the child reads the arguments itself. */
    @Mixin
    private ServeOptions options = new ServeOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws Exception {
        PackagedAppliance packaged = PackagedAppliance.of(ServeCommand.class)
                .orElseThrow(() -> new ApplianceException(
                        FailureKind.FAILED, "the appliance is not built; build it with mvn package"));
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                MEMORY,
                "--add-opens=java.base/java.lang=ALL-UNNAMED",
                "-Dtidemark.server.class.path=" + System.getProperty("java.class.path")));
        line.addAll(packaged.mainClass());
        line.addAll(spec.commandLine().getParseResult().originalArgs());
        Process child = new ProcessBuilder(line).inheritIO().start();
        Thread passOn = new Thread(() -> end(child), "pass-on");
        Runtime.getRuntime().addShutdownHook(passOn);
        return child.waitFor();
    }

    /** A signal to this process is one to the appliance. */
    private static void end(Process child) {
        child.destroy();
        try {
            child.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
