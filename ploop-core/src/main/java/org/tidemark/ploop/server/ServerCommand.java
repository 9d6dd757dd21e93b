package org.tidemark.ploop.server;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.os.Mounts;

/**
 * How holder and device server are started: the same Java as this process, small fixed heaps, nothing that writes outside
 * the run folder.
 *
 * @param serverMain the main class of the device server
 */
public record ServerCommand(Path java, String classPath, String serverMain) {
    private static final long MAX_OUTPUT_BYTES = 1 << 20;

    /** Property that names the class path of the servers, where it is not the one of the process that starts them. */
    public static final String CLASS_PATH = "tidemark.server.class.path";

    /** With the Java and the class path of this process. */
    public static ServerCommand ofThisJava() {
        return ofThisJava(DeviceServerMain.class.getName());
    }

    public static ServerCommand ofThisJava(String serverMain) {
        String ours = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", ""));
        String classPath = System.getProperty(CLASS_PATH, ours);
        return new ServerCommand(Path.of(System.getProperty("java.home", ""), "bin", "java"), classPath, serverMain);
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
