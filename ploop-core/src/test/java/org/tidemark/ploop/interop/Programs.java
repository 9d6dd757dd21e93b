package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Runs programs and keeps a folder on tmpfs, where no file system adds findings of its own. */
final class Programs {
    private Programs() {}

    record Result(int status, String output) {}

    static Path newFolder() throws IOException {
        Path tmpfs = Path.of("/dev/shm");
        return Files.isWritable(tmpfs)
                ? Files.createTempDirectory(tmpfs, "tidemark-interop")
                : Files.createTempDirectory("tidemark-interop");
    }

    static void remove(Path folder) throws IOException {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    static Result run(Path folder, String... command) throws IOException, InterruptedException {
        return run(folder, Map.of(), List.of(command));
    }

    static Result run(Path folder, Map<String, String> environment, List<String> command)
            throws IOException, InterruptedException {
        List<String> found = new ArrayList<>(command);
        if (command.get(0).equals("ploop")) {
            found.set(0, Files.isExecutable(Path.of("/usr/sbin/ploop")) ? "/usr/sbin/ploop" : "ploop");
        }
        ProcessBuilder builder =
                new ProcessBuilder(found).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }

    static String ok(Path folder, String... command) throws IOException, InterruptedException {
        Result result = run(folder, command);
        assertThat(result.status())
                .as("%s: %s", String.join(" ", command), result.output())
                .isZero();
        return result.output();
    }

    static void ploopCheckIsClean(Path folder, String file) throws IOException, InterruptedException {
        ok(folder, "ploop", "check", "-f", "-c", "-r", file);
    }

    static void qemuCheckIsClean(Path folder, String file) throws IOException, InterruptedException {
        ok(folder, "qemu-img", "check", "-f", "parallels", file);
    }
}
