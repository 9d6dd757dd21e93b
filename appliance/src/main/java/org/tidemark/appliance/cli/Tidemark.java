package org.tidemark.appliance.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
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
        synopsisSubcommandLabel = "COMMAND")
public final class Tidemark implements Runnable {
    /** Of classes that do not come from a jar. */
    static final String UNKNOWN_VERSION = "development";

    /** In the order of the help. */
    private static final List<Map.Entry<String, Supplier<Object>>> COMMANDS = List.of(
            named("demo", DemoCommand::new),
            named("status", StatusCommand::new),
            named("backup", BackupCommand::new),
            named("restore", RestoreCommand::new),
            named("points", PointsCommand::new),
            named("point", PointCommand::new),
            named("verify", VerifyCommand::new),
            named("container", ContainerCommand::new),
            named("target", TargetCommand::new),
            named("policy", PolicyCommand::new),
            named("job", JobCommand::new),
            named("export", ExportCommand::new),
            named("peer", PeerCommand::new),
            named("migrate", MigrateCommand::new),
            named("migrations", MigrationsCommand::new),
            named("replicate", ReplicateCommand::new),
            named("user", UserCommand::new),
            named("token", TokenCommand::new),
            named("doctor", DoctorCommand::new),
            named("image", ImageCommand::new),
            named("snapshot", SnapshotCommand::new),
            named("ploop", PloopCommand::line),
            named("attach", AttachCommand::new),
            named("detach", DetachCommand::new),
            named("copy", CopyCommand::new),
            named("devices", DevicesCommand::new),
            named("serve", ServeCommand::new),
            named("device-server", DeviceServerCommand::new),
            named("holder", HolderCommand::new),
            named("completion", CompletionCommand::new),
            named("man", ManCommand::new),
            named("complete-names", CompleteNamesCommand::new),
            named("bench-backup", BenchBackupCommand::new),
            named("bench-freeze", BenchFreezeCommand::new),
            named("demo-load", DemoLoadCommand::new));

    @CommandLine.Spec
    private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    /** Version from the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"tidemark " + version()};
        }
    }

    static String version() {
        String version = Tidemark.class.getPackage().getImplementationVersion();
        return version == null ? UNKNOWN_VERSION : version;
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
        System.exit(commandLine(arguments.length == 0 ? "" : arguments[0]).execute(arguments));
    }

    private static Map.Entry<String, Supplier<Object>> named(String name, Supplier<Object> command) {
        return Map.entry(name, command);
    }

    /** With every command. */
    static CommandLine commandLine() {
        return commandLine("");
    }

    /** With the named command alone, or with all of them when it is none: reading all of them takes longer than most run. */
    private static CommandLine commandLine(String named) {
        CommandLine line = new CommandLine(new Tidemark());
        boolean known = COMMANDS.stream().anyMatch(command -> command.getKey().equals(named));
        for (Map.Entry<String, Supplier<Object>> command : COMMANDS) {
            if (!known || command.getKey().equals(named)) {
                line.addSubcommand(command.getKey(), command.getValue().get());
            }
        }
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.registerConverter(Path.class, new ImagePlaces.HostOnly());
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
