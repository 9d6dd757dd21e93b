package org.tidemark.ploop.partition;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.RawFileDevice;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** What a real mkfs made is told; changed bytes are never more than another answer. */
@Requires({"mkfs.ext4", "debugfs"})
@Timeout(120)
class Ext4SummaryTest {
    private static final long SIZE = 16 << 20;
    private static final long OFFSET = 1 << 20;

    @TempDir
    Path folder;

    private Path disk(String name, String... options) throws Exception {
        Path plain = RawFileDevice.create(folder.resolve(name), SIZE - OFFSET);
        Path file = Files.writeString(folder.resolve("content"), "x".repeat(70_000));
        java.util.List<String> line = new java.util.ArrayList<>(java.util.List.of("mkfs.ext4", "-q", "-F"));
        line.addAll(java.util.List.of(options));
        line.add(plain.toString());
        Commands.run(Duration.ofSeconds(30), line.toArray(String[]::new));
        String write = "write " + file + " " + Ext4Summary.BALLOON_FILE;
        Commands.run(Duration.ofSeconds(30), "debugfs", "-w", "-R", write, plain.toString());
        byte[] disk = new byte[(int) SIZE];
        byte[] content = Files.readAllBytes(plain);
        System.arraycopy(content, 0, disk, (int) OFFSET, content.length);
        return Files.write(folder.resolve(name + ".disk"), disk);
    }

    private static Ext4Summary summary(Path disk) throws IOException {
        try (RawFileDevice device = new RawFileDevice(disk, false, 0)) {
            return Ext4Summary.read(device, OFFSET).orElseThrow();
        }
    }

    @Test
    void theBalloonIsFoundWhateverTheLayout() throws Exception {
        for (String[] options : new String[][] {
            {"-b4096"}, {"-b1024"}, {"-b4096", "-O^64bit"}, {"-b4096", "-I128"}, {"-b1024", "-O64bit,metadata_csum"}
        }) {
            Ext4Summary found = summary(disk("fs", options));
            assertThat(found.sizeBytes()).isEqualTo(SIZE - OFFSET);
            assertThat(found.freeBytes()).isBetween(5L << 20, SIZE - OFFSET);
            assertThat(found.balloonBytes()).as(String.join(" ", options)).isEqualTo(70_000);
        }
    }

    @Test
    void changedBytesAreNeverMoreThanAnotherAnswer() throws Exception {
        Path good = disk("good", "-b4096");
        byte[] bytes = Files.readAllBytes(good);
        for (long seed : Seeds.of(3).toArray()) {
            Seeds.replayable(getClass(), seed, random -> {
                for (int i = 0; i < 700; i++) {
                    spoil(good, bytes, random);
                }
            });
        }
    }

    private static void spoil(Path disk, byte[] good, Random random) throws IOException {
        int[] places = new int[1 + random.nextInt(4)];
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            for (int i = 0; i < places.length; i++) {
                places[i] =
                        (int) OFFSET + (random.nextBoolean() ? 1024 + random.nextInt(360) : random.nextInt(600_000));
                file.seek(places[i]);
                file.write(random.nextInt());
            }
            try (RawFileDevice device = new RawFileDevice(disk, false, 0)) {
                assertThat(Ext4Summary.read(device, OFFSET)).isNotNull();
            }
            for (int place : places) {
                file.seek(place);
                file.write(good[place]);
            }
        }
    }
}
