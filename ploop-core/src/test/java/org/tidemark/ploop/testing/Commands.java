package org.tidemark.ploop.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs of the machine, always with a limit. */
public final class Commands {
    private Commands() {}

    /** What a program wrote and how it ended. */
    public record Result(int exitCode, String output) {}

    /** Runs it and demands exit code 0. */
    public static String run(Duration limit, String... command) throws IOException, InterruptedException {
        Result result = tryRun(limit, command);
        if (result.exitCode() != 0) {
            throw new AssertionError(List.of(command) + " ended with " + result.exitCode() + ":\n" + result.output());
        }
        return result.output();
    }

    public static Result tryRun(Duration limit, String... command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("tidemark-test-", ".out");
        try {
            Process process = start(output, command);
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(
                        List.of(command) + " did not end within " + limit + ":\n" + Files.readString(output));
            }
            return new Result(process.exitValue(), Files.readString(output));
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** Starts it with its output in a file. */
    public static Process start(Path output, String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().merge("PATH", "/usr/sbin:/sbin", (path, more) -> path + ":" + more);
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        return builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
    }
}
