package org.tidemark.ploop.server;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
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

    /** Word that makes a device server tell what it can do, and end. */
    static final String PROBE = "--probe";

    /** Property that names the class path of the servers, where it is not the one of the process that starts them. */
    public static final String CLASS_PATH = "tidemark.server.class.path";

    /** Property that names an archive of class data for this class path, with which Java starts faster. */
    public static final String CLASS_DATA = "tidemark.class.data";

    /** With the Java and the class path of this process. */
    public static ServerCommand ofThisJava() {
        return ofThisJava(DeviceServerMain.class.getName());
    }

    public static ServerCommand ofThisJava(String serverMain) {
        String ours = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", ""));
        String classPath = System.getProperty(CLASS_PATH, ours);
        return new ServerCommand(Path.of(System.getProperty("java.home", ""), "bin", "java"), classPath, serverMain);
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
        List<String> options = List.of("-Xmx16m", "-Xss256k", "-XX:TieredStopAtLevel=1");
        return start(run, "holder", options, HolderMain.class.getName());
    }

    Process startServer(RunFolder run) throws IOException {
        return start(run, "device-server", List.of("-Xmx64m", "-Xss512k", "-XX:MaxDirectMemorySize=256m"), serverMain);
    }

    List<String> line(RunFolder run, List<String> options, String main) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(java.toString());
        line.addAll(options);
        line.add("-XX:+UseSerialGC");
        line.add("-XX:-UsePerfData");
        line.add("-Xshare:auto");
        String classData = System.getProperty(CLASS_DATA, "");
        if (!classData.isEmpty() && Files.isReadable(Path.of(classData))) {
            // One that does not fit this Java or this class path is ignored, and need not be mentioned.
            line.addAll(List.of(
                    "-XX:SharedArchiveFile=" + classData,
                    "-D" + CLASS_DATA + "=" + classData,
                    "-Xlog:cds=off",
                    "-Xlog:class+path=off"));
        }
        line.add("-XX:ErrorFile=" + run.logs().resolve("crash-%p.log"));
        if (Mounts.allowsExecution(run.temporary())) {
            // The native library is unpacked there; on a folder without execution it stays with the system's own.
            line.add("-Djava.io.tmpdir=" + run.temporary());
        }
        line.add("-cp");
        line.add(classPath);
        line.add(main);
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
