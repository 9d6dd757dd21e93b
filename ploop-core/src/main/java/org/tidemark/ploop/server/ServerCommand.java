package org.tidemark.ploop.server;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.ServiceManager;

/**
 * How holder and device server are started: the same Java as this process, small fixed heaps, nothing that writes outside
 * the run folder.
 *
 * @param serverMain the main class of the device server
 */
public record ServerCommand(Path java, String classPath, String serverMain) {
    private static final long MAX_OUTPUT_BYTES = 1 << 20;
    private static final int MAX_SAID = 600;

    /**
     * The virtual machine would read the files of its cgroup now and then, also while it has stopped all its threads, and the
     * kernel wants memory for that, which may have to be written out by those threads first. All sizes are fixed anyway.
     */
    private static final String LOOKS_AT_NO_CGROUP = "-XX:-UseContainerSupport";

    /**
     * What malloc has it keeps, in one place for all threads, see {@link org.tidemark.ploop.os.NativeReserve}: who wants memory when
     * the kernel has none may wait for pages that this very process is to write.
     */
    private static final Map<String, String> KEEPS_ITS_MEMORY = Map.of(
            "MALLOC_ARENA_MAX", "1",
            "MALLOC_TRIM_THRESHOLD_", Integer.toString(64 << 20),
            "MALLOC_MMAP_THRESHOLD_", Integer.toString(32 << 20));

    /** Environment variable with further options of the device server's virtual machine, for whoever has to look into it. */
    public static final String MORE_OPTIONS = "TIDEMARK_SERVER_JAVA_OPTIONS";

    /** Word that makes a device server tell what it can do, and end. */
    static final String PROBE = "--probe";

    /** With the Java and the class path of this process. */
    public static ServerCommand ofThisJava() {
        return ofThisJava(DeviceServerMain.class.getName());
    }

    public static ServerCommand ofThisJava(String serverMain) {
        JavaCommand ours = JavaCommand.ofThisJava();
        return new ServerCommand(ours.java(), ours.classPath(), serverMain);
    }

    /** Tells the holder to start device servers like this from now on; a new holder starts its own. */
    void choose(RunFolder run) throws IOException {
        Files.deleteIfExists(rejection(run));
        RunFolder.replace(
                run.serverCommand(),
                Fields.of("java", java.toString(), "classPath", classPath, "serverMain", serverMain)
                        .toJson());
    }

    /** What was chosen last; empty when nothing was, or it was rejected. */
    static Optional<ServerCommand> chosen(RunFolder run) throws IOException {
        if (!Files.exists(run.serverCommand())) {
            return Optional.empty();
        }
        Fields fields = Fields.parse(Files.readString(run.serverCommand()));
        return Optional.of(
                new ServerCommand(Path.of(fields.text("java")), fields.text("classPath"), fields.text("serverMain")));
    }

    /** What was chosen does not start; kept under another name for whoever looks. */
    static void reject(RunFolder run) throws IOException {
        Files.move(run.serverCommand(), rejection(run), StandardCopyOption.REPLACE_EXISTING);
    }

    /** Whether what was chosen last did not live. */
    static boolean rejected(RunFolder run) {
        return Files.exists(rejection(run));
    }

    /** Nothing is chosen any more. */
    static void forget(RunFolder run) throws IOException {
        Files.deleteIfExists(run.serverCommand());
        Files.deleteIfExists(rejection(run));
    }

    private static Path rejection(RunFolder run) {
        return run.serverCommand().resolveSibling("server-command.rejected.json");
    }

    /**
     * Asks the device server that this command would start what it can do, in a process that ends at once.
     *
     * @throws IOException when it does not start or does not answer, with the end of what it said
     */
    Fields probe(RunFolder run, Duration limit) throws IOException {
        Path output = Files.createTempFile(run.temporary(), "probe-", ".out");
        try {
            List<String> line = line(run, List.of("-Xmx64m", "-XX:TieredStopAtLevel=1"), serverMain);
            line.add(PROBE);
            Process process = new ProcessBuilder(line)
                    .directory(Path.of("/").toFile())
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
            if (!ended) {
                process.destroyForcibly();
            }
            String said = Files.readString(output).strip();
            if (!ended || process.exitValue() != 0) {
                throw new IOException("the new device server " + (ended ? "does not start: " : "does not answer: ")
                        + said.substring(Math.max(0, said.length() - MAX_SAID)));
            }
            return Fields.parse(said.substring(said.lastIndexOf('\n') + 1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** Starts the holder, which starts the device server. */
    Process startHolder(RunFolder run) throws IOException {
        List<String> options = List.of("-Xmx16m", "-Xss256k", "-XX:TieredStopAtLevel=1", LOOKS_AT_NO_CGROUP);
        return start(run, "holder", options, HolderMain.class.getName());
    }

    Process startServer(RunFolder run) throws IOException {
        // With its heap there from the start nobody who serves waits for a page of it. It rarely needs the second half.
        List<String> options = new ArrayList<>(List.of(
                "-Xms32m",
                "-Xmx64m",
                "-XX:+AlwaysPreTouch",
                "-Xss512k",
                "-XX:MaxDirectMemorySize=256m",
                "-XX:InitialCodeCacheSize=12m",
                "-XX:ReservedCodeCacheSize=48m",
                LOOKS_AT_NO_CGROUP));
        String more = System.getenv(MORE_OPTIONS);
        if (more != null && !more.isBlank()) {
            options.addAll(List.of(more.strip().split(" +")));
        }
        return start(run, "device-server", options, serverMain);
    }

    List<String> line(RunFolder run, List<String> options, String main) throws IOException {
        List<String> all = new ArrayList<>(options);
        all.add("-XX:ErrorFile=" + run.logs().resolve("crash-%p.log"));
        if (Mounts.allowsExecution(run.temporary())) {
            // The native library is unpacked there; on a folder without execution it stays with the system's own.
            all.add("-Djava.io.tmpdir=" + run.temporary());
        }
        List<String> line = new JavaCommand(java, classPath).line(all, main);
        line.add("--run=" + run.path());
        line.add("--server-main=" + serverMain);
        return line;
    }

    private Process start(RunFolder run, String name, List<String> options, String main) throws IOException {
        Path output = run.logs().resolve(name + ".out");
        if (Files.exists(output) && Files.size(output) > MAX_OUTPUT_BYTES) {
            try (RandomAccessFile old = new RandomAccessFile(output.toFile(), "rw")) {
                old.setLength(0);
            }
        }
        ProcessBuilder builder = new ProcessBuilder(line(run, options, main));
        ServiceManager.OF_ONE_PROCESS.forEach(builder.environment()::remove);
        if (main.equals(HolderMain.class.getName())) {
            // Only the process that the service manager itself started is believed.
            builder.environment().remove(ServiceManager.SOCKET);
        } else {
            builder.environment().putAll(KEEPS_ITS_MEMORY);
        }
        builder.directory(Path.of("/").toFile());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()));
        return builder.start();
    }

    /** The command line of a server process: {@code --name=value} words. */
    static String argument(String[] arguments, String name, String otherwise) {
        String start = "--" + name + "=";
        for (String argument : arguments) {
            if (argument.startsWith(start)) {
                return argument.substring(start.length());
            }
        }
        return otherwise;
    }
}
