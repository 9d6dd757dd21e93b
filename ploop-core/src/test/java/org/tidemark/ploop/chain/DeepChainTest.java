package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.HostIdentity;

/** As many levels as other tools can read: what they cost, and that one more is refused. */
@Timeout(120)
class DeepChainTest {
    private static final int CLUSTER = 64 * 1024;
    private static final long DISK = 1L << 30;
    private static final int LEVELS = 126;
    private static final int READS = Integer.getInteger("reads", 20_000);
    private static final int PIECE = 4096;

    @TempDir
    Path folder;

    private final Random random = new Random(7);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);

    private AttachedImage open() throws IOException {
        ChainFiles files = ChainFiles.at(folder, VfsImageDirectory::new);
        return AttachedImage.open(
                files,
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(files, true),
                false,
                new OwnerRecord(new HostIdentity("host", "boot"), 0),
                UUID::randomUUID);
    }

    private static long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }

    @Test
    void lookingUpCostsTheSameAtAnyDepthAndOneMoreIsRefused() throws IOException {
        ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", DISK, CLUSTER);
        double[] nanos = new double[3];
        try (AttachedImage image = open()) {
            fill(image);
            nanosPerRead(image);
            nanos[0] = nanosPerRead(image);
            grow(image, 10);
            nanos[1] = nanosPerRead(image);
            grow(image, 100);
            nanos[2] = nanosPerRead(image);
            grow(image, LEVELS);
            assertThatThrownBy(() -> create(image))
                    .isInstanceOfSatisfying(ImageException.class, e -> assertThat(e.kind())
                            .isEqualTo(ImageException.Kind.INVALID_REQUEST))
                    .hasMessageContaining("126 levels")
                    .hasMessageContaining("delete or merge");
        }
        assertThatThrownBy(() ->
                        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.at(folder, VfsImageDirectory::new)))
                .hasMessageContaining("126 levels");
        long before = descriptors();
        long begun = System.nanoTime();
        try (AttachedImage image = open()) {
            long opened = System.nanoTime() - begun;
            assertThat(image.files().links()).hasSize(LEVELS);
            long held = descriptors() - before;
            assertThat(held).as("open files and locks").isLessThanOrEqualTo(2L * LEVELS + 4);
            System.out.printf(
                    java.util.Locale.ROOT,
                    "4 KiB random reads: %.0f ns at 1 level, %.0f at 10, %.0f at 100; 126 levels open in %d ms with %d"
                            + " descriptors%n",
                    nanos[0],
                    nanos[1],
                    nanos[2],
                    opened / 1_000_000,
                    held);
        }
        // Generous: the machine may have other things to do. A search level by level would cost a hundred times as
        // much.
        assertThat(nanos[2]).isLessThan(nanos[0] * 5 + 5_000);
    }

    private void fill(AttachedImage image) throws IOException {
        for (long at = 0; at < 64L << 20; at += CLUSTER) {
            buffer.bytes().putLong(0, at + 1);
            image.write(at, buffer, 0, CLUSTER);
        }
        image.flush();
    }

    private void create(AttachedImage image) throws IOException {
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            change.operations().create(image.files());
        }
    }

    /** Each level holds something. */
    private void grow(AttachedImage image, int levels) throws IOException {
        while (image.files().links().size() < levels) {
            create(image);
            long cluster = random.nextInt(1024);
            buffer.bytes().putLong(0, cluster);
            image.write(cluster * CLUSTER, buffer, 0, PIECE);
        }
    }

    private double nanosPerRead(AttachedImage image) throws IOException {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 8; round++) {
            long begun = System.nanoTime();
            for (int i = 0; i < READS; i++) {
                image.read((long) random.nextInt(16_384) * PIECE, buffer, 0, PIECE);
            }
            best = Math.min(best, (double) (System.nanoTime() - begun) / READS);
        }
        return best;
    }
}
