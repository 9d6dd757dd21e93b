package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageException.Kind;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

class FirstSnapshotTest {
    private static final int CLUSTER = 64 << 10;
    private static final int STEPS = 5;

    @TempDir
    private Path folder;

    private Path lone(String format, long sizeBytes) throws IOException {
        try (ImageIo io = new VfsImageDirectory(folder).create("disk.img")) {
            Formats.byId(format).create(io, new DeltaGeometry(sizeBytes, format.equals(RawFormat.ID) ? 512 : CLUSTER));
        }
        Path image = folder.resolve("disk.img");
        write(image, 3, 'a');
        return image;
    }

    private static AttachedImage open(Path image, boolean writable) throws IOException {
        ChainFiles files = AttachedImage.filesOf(image);
        return AttachedImage.open(
                files,
                writable ? AttachedImage.Use.READ_WRITE : AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                ChainLocks.take(files, writable),
                writable,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    private static void write(Path image, int at, char content) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        for (int i = 0; i < CLUSTER; i++) {
            buffer.bytes().put(i, (byte) content);
        }
        try (AttachedImage open = open(image, true)) {
            open.write((long) at * CLUSTER, buffer, 0, CLUSTER);
        }
    }

    private static String content(Path image) throws IOException {
        try (AttachedImage open = open(image, false)) {
            return content(open);
        }
    }

    private static String content(AttachedImage open) throws IOException {
        StringBuilder text = new StringBuilder();
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        for (long at = 0; at < open.sizeBytes(); at += CLUSTER) {
            open.read(at, buffer, 0, CLUSTER);
            byte first = buffer.bytes().get(0);
            text.append(first == 0 ? '.' : (char) first);
        }
        return text.toString();
    }

    private static String contentAt(Path image, String guid) throws IOException {
        ChainFiles level = AttachedImage.levelOf(image, guid);
        try (AttachedImage open = AttachedImage.open(
                level,
                AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                ChainLocks.take(level, false),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            return content(open);
        }
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {RawFormat.ID, ExpandedFormat.ID})
    void aFileBecomesAFolderAndStaysTheSameDisk(String format) throws IOException {
        Path image = lone(format, 9L * CLUSTER);
        String guid = new FirstSnapshot(UUID::randomUUID).take(image);
        assertThat(names()).containsExactly("disk.img");
        assertThat(image).isDirectory();
        write(image, 5, 'b');
        assertThat(content(image)).isEqualTo("...a.b...");
        assertThat(contentAt(image, guid)).isEqualTo("...a.....");

        SnapshotOperations operations = new SnapshotOperations(UUID::randomUUID);
        assertThat(operations.delete(AttachedImage.filesOf(image), guid)).isEqualTo(SnapshotOperations.Deleted.MERGED);
        assertThat(content(image)).isEqualTo("...a.b...");
        assertThat(AttachedImage.filesOf(image).links()).hasSize(1);
    }

    @Test
    void trackedChangesStayKnown() throws IOException {
        Path image = lone(RawFormat.ID, 8L * CLUSTER);
        String tracker;
        try (AttachedImage open = open(image, true)) {
            tracker = tracker(open).trackerId().toString();
        }
        new FirstSnapshot(UUID::randomUUID).take(image);
        try (AttachedImage open = open(image, true)) {
            assertThat(tracker(open).trackerId().toString()).isEqualTo(tracker);
        }
        // The control: what somebody else wrote in between is not taken for unchanged.
        Files.write(image.resolve("disk.img"), new byte[] {1}, java.nio.file.StandardOpenOption.WRITE);
        try (AttachedImage open = open(image, true)) {
            assertThat(tracker(open).trackerId().toString()).isNotEqualTo(tracker);
        }
    }

    private static ChangedBlockTracker tracker(AttachedImage open) {
        return java.util.Objects.requireNonNull(open.device().tracker());
    }

    @Test
    void whatIsOpenOrDoesNotFitIsRefusedAndStaysAFile() throws IOException {
        Path image = lone(RawFormat.ID, 8L * CLUSTER);
        try (AttachedImage inUse = open(image, true)) {
            assertThat(inUse.writable()).isTrue();
            refused(Kind.IN_USE, "disk.img", image);
        }
        try (ImageIo io = new VfsImageDirectory(folder)
                .open("disk.img", org.tidemark.ploop.io.ImageDirectory.OpenMode.READ_WRITE)) {
            io.truncate(8L * CLUSTER + 512);
        }
        refused(Kind.UNSUPPORTED, "tidemark image resize", image);
        assertThat(image).isRegularFile();
        assertThat(names()).allMatch(name -> name.startsWith("disk.img"));
    }

    private static void refused(Kind kind, String words, Path image) {
        assertThatThrownBy(() -> new FirstSnapshot(UUID::randomUUID).take(image))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words);
    }

    /** Killed, and not merely failing: nothing is tidied by the process itself. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, STEPS})
    void killedBetweenStepsTheImageIsThereAndTheNextAttemptWorks(int step) throws Exception {
        Path image = lone(RawFormat.ID, 8L * CLUSTER);
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Killed.class.getName(),
                        image.toString(),
                        Integer.toString(step))
                .inheritIO()
                .start();
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isEqualTo(Killed.EXIT);

        boolean committed = step > 3;
        assertThat(Files.isDirectory(image)).isEqualTo(committed);
        assertThat(content(image)).isEqualTo("...a....");
        write(image, 1, 'b');
        assertThat(content(image)).isEqualTo(".b.a....");
        SnapshotOperations operations = new SnapshotOperations(UUID::randomUUID);
        if (committed) {
            assertThat(operations.mergeAll(AttachedImage.filesOf(image))).isEqualTo(1);
            assertThat(content(image)).isEqualTo(".b.a....");
        } else {
            new FirstSnapshot(UUID::randomUUID).take(image);
            assertThat(content(image)).isEqualTo(".b.a....");
        }
        assertThat(names()).containsExactly("disk.img");
    }

    /** Takes a snapshot and dies after a number of steps. */
    static final class Killed {
        static final int EXIT = 9;

        private Killed() {}

        public static void main(String[] words) throws IOException {
            AtomicInteger left = new AtomicInteger(Integer.parseInt(words[1]));
            new FirstSnapshot(UUID::randomUUID, () -> {
                        if (left.decrementAndGet() == 0) {
                            Runtime.getRuntime().halt(EXIT);
                        }
                    })
                    .take(Path.of(words[0]));
        }
    }
}
