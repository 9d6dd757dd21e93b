package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A folder on tmpfs for the views of one life; gone at the end. */
record Scratch(Path folder) implements Closeable {
    Scratch() throws IOException {
        this(Files.createTempDirectory(Path.of("/dev/shm"), "tidemark-test-life-"));
    }

    @Override
    public void close() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
        Files.delete(folder);
    }
}
