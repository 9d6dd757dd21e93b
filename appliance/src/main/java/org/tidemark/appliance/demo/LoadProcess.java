package org.tidemark.appliance.demo;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.os.JavaCommand;

/** {@link DemoLoad} in a process of its own. Closing it kills it. */
public final class LoadProcess implements Closeable {
    private static final Duration STOP_LIMIT = Duration.ofSeconds(120);
    private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

    private final Process process;
    private final Path stop;
    private final Path output;
    private final Path log;

    private LoadProcess(Process process, Path stop, Path output, Path log) {
        this.process = process;
        this.stop = stop;
        this.output = output;
        this.log = log;
    }

    /**
     * Starts it.
     *
     * @param inside an existing folder that it writes to
     * @param outside an existing folder for its log, which must not lie in the container
     */
    public static LoadProcess start(Path inside, Path outside) throws IOException {
        Path log = outside.resolve("load.log");
        Path stop = outside.resolve("stop");
        Path output = outside.resolve("load.out");
        String usual = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-Dorg.sqlite.tmpdir=" + outside,
                "-cp",
                System.getProperty(JavaCommand.CLASS_PATH, usual),
                "org.tidemark.appliance.cli.Tidemark",
                "demo-load",
                inside.toString(),
                log.toString(),
                stop.toString());
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        return new LoadProcess(process, stop, output, log);
    }

    /** What it says it wrote; see {@link LoadProof}. */
    public Path log() {
        return log;
    }

    /** Throws when it ended by itself. */
    public void demandRunning() throws IOException {
        if (!process.isAlive()) {
            throw new IOException(
                    "the load ended early: " + Files.readString(output).strip());
        }
    }

    /** Ends it in an orderly way. */
    public void stop() throws IOException {
        demandRunning();
        Files.writeString(stop, "");
        try {
            if (!process.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(
                        "the load failed: " + Files.readString(output).strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(KILL_LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
