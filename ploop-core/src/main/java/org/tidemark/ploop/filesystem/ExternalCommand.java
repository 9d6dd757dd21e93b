package org.tidemark.ploop.filesystem;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Runs a program of the system, such as mkfs, with a time limit, and keeps what it said for the error message. */
public final class ExternalCommand {
    private static final List<String> FOLDERS =
            List.of("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin");
    private static final int MAX_OUTPUT_BYTES = 64 * 1024;

    private static final long LOOK_EVERY_MILLIS = 200;

    private ExternalCommand() {}

    /** What is done while a program runs; when it throws the program is killed. */
    @FunctionalInterface
    public interface Meanwhile {
        void look() throws IOException;
    }

    /**
     * How it ended.
     *
     * @param output both streams, at most 64 KiB of them
     */
    public record Result(int exitCode, String output) {}

    /** Where a program is, looked up in the usual folders. */
    public static Optional<Path> find(String program) {
        return FOLDERS.stream()
                .map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Runs to the end; throws when the program is missing or does not end in time (it is killed then). */
    public static Result run(Duration limit, String program, List<String> arguments) throws IOException {
        return run(limit, program, arguments, () -> {});
    }

    /** As {@link #run(Duration, String, List)}, and calls {@code meanwhile} several times a second until then. */
    public static Result run(Duration limit, String program, List<String> arguments, Meanwhile meanwhile)
            throws IOException {
        Path path = find(program)
                .orElseThrow(() -> new IOException(
                        "the program '" + program + "' is missing on this host; install the package that has it"));
        Path output = Files.createTempFile("tidemark-" + program, ".log");
        try {
            Process process = new ProcessBuilder(command(path, arguments))
                    .redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = false;
            try {
                ended = waitFor(process, limit, meanwhile);
            } finally {
                if (!ended) {
                    process.destroyForcibly();
                }
            }
            if (!ended) {
                throw new IOException(
                        "'" + program + "' did not end within " + limit.toSeconds() + " s and was killed");
            }
            return new Result(process.exitValue(), read(output));
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** As {@link #run}, and any exit code but 0 is an error that quotes the output. */
    public static String runOk(Duration limit, String program, List<String> arguments) throws IOException {
        Result result = run(limit, program, arguments);
        if (result.exitCode() != 0) {
            throw new IOException("'" + program + " " + String.join(" ", arguments) + "' failed with exit code "
                    + result.exitCode() + ": " + result.output().strip());
        }
        return result.output();
    }

    private static List<String> command(Path path, List<String> arguments) {
        List<String> command = new java.util.ArrayList<>();
        command.add(path.toString());
        command.addAll(arguments);
        return command;
    }

    private static boolean waitFor(Process process, Duration limit, Meanwhile meanwhile) throws IOException {
        try {
            for (long left = limit.toMillis(); left > 0; left -= LOOK_EVERY_MILLIS) {
                if (process.waitFor(Math.min(left, LOOK_EVERY_MILLIS), TimeUnit.MILLISECONDS)) {
                    return true;
                }
                meanwhile.look();
            }
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for a program", e);
        }
    }

    private static String read(Path file) {
        try (java.io.InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MAX_OUTPUT_BYTES), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
