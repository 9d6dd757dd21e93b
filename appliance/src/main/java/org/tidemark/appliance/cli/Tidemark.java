package org.tidemark.appliance.cli;

import org.tidemark.appliance.failure.FailureKind;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The {@code tidemark} command. */
@Command(
        name = "tidemark",
        description = "Backups and snapshots of containers whose file systems live in disk images.",
        mixinStandardHelpOptions = true,
        versionProvider = Tidemark.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DemoCommand.class,
            StatusCommand.class,
            BackupCommand.class,
            RestoreCommand.class,
            PointsCommand.class,
            PointCommand.class,
            VerifyCommand.class,
            ContainerCommand.class,
            TargetCommand.class,
            PolicyCommand.class,
            JobCommand.class,
            UserCommand.class,
            TokenCommand.class,
            DoctorCommand.class,
            ImageCommand.class,
            SnapshotCommand.class,
            AttachCommand.class,
            DetachCommand.class,
            DevicesCommand.class,
            ServeCommand.class,
            DeviceServerCommand.class,
            HolderCommand.class,
            BenchBackupCommand.class,
            BenchFreezeCommand.class,
            CompleteNamesCommand.class,
            DemoLoadCommand.class
        })
public final class Tidemark implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    /** Version from the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Tidemark.class.getPackage().getImplementationVersion();
            return new String[] {"tidemark " + (version == null ? "development" : version)};
        }
    }

    @Override
    public void run() {
        CommandLine.Model.CommandSpec known = spec;
        if (known != null) {
            known.commandLine().usage(System.out);
        }
    }

    public static void main(String[] arguments) {
        // Libraries that log find no logger here, and need not say so.
        System.setProperty("slf4j.internal.verbosity", "ERROR");
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Tidemark());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((failure, command, result) -> report(failure, command));
        return line;
    }

    private static int report(Exception failure, CommandLine command) {
        Throwable shown = failure instanceof java.io.UncheckedIOException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        command.getErr().println("tidemark: " + FailureKind.words(shown));
        if (System.getenv("TIDEMARK_TRACE") != null) {
            command.getErr().println(trace(shown));
        }
        command.getErr().flush();
        return FailureKind.of(shown).exitCode();
    }

    private static String trace(Throwable failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable one = failure; one != null; one = one.getCause()) {
            text.append(one).append('\n');
            for (StackTraceElement element : one.getStackTrace()) {
                text.append("    ").append(element).append('\n');
            }
        }
        return text.toString();
    }
}
