package org.tidemark.appliance.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.tidemark.ploop.filesystem.ExternalCommand;

/** Trees of files, as the demonstration makes and removes them. */
final class DemoHost {
    private static final long TREE_BYTES = 300L << 20;
    private static final Duration COPY_LIMIT = Duration.ofSeconds(120);

    private DemoHost() {}

    /** Copies a real tree of some hundred MiB: the running JDK, and more of the system until it is enough. */
    static long copyTree(Path root) throws IOException {
        Path into = Files.createDirectories(root.resolve("tree"));
        long copied = 0;
        for (Path source : List.of(
                Path.of(System.getProperty("java.home")),
                Path.of("/usr/share/doc"),
                Path.of("/usr/share/locale"),
                Path.of("/usr/lib/python3"),
                Path.of("/usr/lib/x86_64-linux-gnu"))) {
            if (copied >= TREE_BYTES || !Files.isDirectory(source)) {
                continue;
            }
            Path copy =
                    into.resolve(Objects.requireNonNull(source.getFileName()).toString());
            ExternalCommand.runOk(
                    COPY_LIMIT, "cp", List.of("-a", "--", source.toRealPath().toString(), copy.toString()));
            copied += sizeOf(copy);
        }
        return copied;
    }

    private static long sizeOf(Path tree) throws IOException {
        try (Stream<Path> walk = Files.walk(tree)) {
            return walk.filter(Files::isRegularFile)
                    .mapToLong(DemoHost::fileSize)
                    .sum();
        }
    }

    private static long fileSize(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0;
        }
    }

    /** Removes a folder with everything in it, if it is there. */
    static void removeTree(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        List<Path> inside;
        try (Stream<Path> walk = Files.walk(tree)) {
            inside = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path one : inside) {
            Files.deleteIfExists(one);
        }
    }
}
