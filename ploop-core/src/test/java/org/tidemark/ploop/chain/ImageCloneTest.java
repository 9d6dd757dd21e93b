package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageException.Kind;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

class ImageCloneTest {
    private static final int CLUSTER = 32 << 10;
    private static final long SIZE = 64L * CLUSTER;

    @TempDir
    private Path folder;

    private Path template;

    @BeforeEach
    void makeTemplate() throws IOException {
        template = Files.createDirectory(folder.resolve("template"));
        ChainFiles.create(new VfsImageDirectory(template), "root.hds", SIZE, CLUSTER);
        write(template, 5, 'a');
        write(template, 9, 'a');
    }

    private static AttachedImage open(Path image, boolean writable) throws IOException {
        ChainFiles files = AttachedImage.filesOf(image);
        return AttachedImage.open(
                files,
                writable ? AttachedImage.Use.READ_WRITE : AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                ChainLocks.take(files, writable),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    private static void write(Path image, int cluster, char content) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        for (int i = 0; i < CLUSTER; i++) {
            buffer.bytes().put(i, (byte) content);
        }
        try (AttachedImage open = open(image, true)) {
            open.write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
        }
    }

    /** The first byte of each cluster, as text; a dot for zero. */
    private static String content(Path image) throws IOException {
        StringBuilder text = new StringBuilder();
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        try (AttachedImage open = open(image, false)) {
            for (int cluster = 0; cluster < 16; cluster++) {
                open.read((long) cluster * CLUSTER, buffer, 0, CLUSTER);
                byte first = buffer.bytes().get(0);
                text.append(first == 0 ? '.' : (char) first);
            }
        }
        return text.toString();
    }

    private ImageClone.Made clone(Path from, String name) throws IOException {
        return new ImageClone(UUID::randomUUID).make(from, Optional.empty(), folder.resolve(name));
    }

    private static void refused(Kind kind, String words, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words);
    }

    /** Two who want one name: one of them makes the image, the other one is told, and nothing else is left. */
    @Test
    void oneOfTwoAtOnceMakesIt() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            for (int turn = 0; turn < 30; turn++) {
                String name = "clone-" + turn;
                List<Future<ImageClone.Made>> both =
                        pool.invokeAll(Collections.nCopies(2, () -> clone(template, name)));
                int made = 0;
                for (Future<ImageClone.Made> one : both) {
                    try {
                        one.get();
                        made++;
                    } catch (ExecutionException e) {
                        assertThat(e.getCause())
                                .isInstanceOfAny(FileAlreadyExistsException.class, ImageException.class)
                                .hasMessageContaining(name);
                    }
                }
                assertThat(made).isEqualTo(1);
                assertThat(content(folder.resolve(name))).isEqualTo(".....a...a......");
            }
        } finally {
            pool.shutdownNow();
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).noneMatch(path -> path.toString().contains(".tidemark-"));
        }
    }

    @Test
    void clonesAndTemplateGoTheirOwnWays() throws IOException {
        clone(template, "one");
        clone(template, "two");
        write(folder.resolve("one"), 5, 'b');
        write(folder.resolve("one"), 1, 'b');
        write(template, 9, 'c');
        assertThat(content(folder.resolve("one"))).isEqualTo(".b...b...a......");
        assertThat(content(folder.resolve("two"))).isEqualTo(".....a...a......");
        assertThat(content(template)).isEqualTo(".....a...c......");
        clone(template, "three");
        assertThat(content(folder.resolve("three"))).isEqualTo(".....a...c......");
    }

    @Test
    void aTemplateThatNothingWasWrittenToGetsOneSnapshotOnly() throws IOException {
        Optional<String> first = clone(template, "one").snapshot();
        assertThat(clone(template, "two").snapshot()).isEqualTo(first).isPresent();
        assertThat(DiskDescriptor.read(new VfsImageDirectory(template)).shots()).hasSize(2);
    }

    @Test
    void anOlderSnapshotAlsoOfATemplateThatIsInUse() throws IOException {
        String old = new SnapshotOperations(UUID::randomUUID).create(AttachedImage.filesOf(template));
        write(template, 5, 'n');
        try (AttachedImage inUse = open(template, true)) {
            assertThat(inUse.writable()).isTrue();
            refused(Kind.IN_USE, "in use", () -> clone(template, "one"));
            new ImageClone(UUID::randomUUID).make(template, Optional.of(old), folder.resolve("one"));
        }
        assertThat(content(folder.resolve("one"))).isEqualTo(".....a...a......");
        assertThat(folder.resolve("one.tidemark-partial")).doesNotExist();
    }

    @Test
    void aCloneOutlivesItsTemplateAndMayBeATemplate() throws IOException {
        clone(template, "one");
        try (Stream<Path> files = Files.list(template)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        write(folder.resolve("one"), 2, 'd');
        clone(folder.resolve("one"), "grandchild");
        write(folder.resolve("one"), 2, 'e');
        assertThat(content(folder.resolve("grandchild"))).isEqualTo("..d..a...a......");
        assertThat(AttachedImage.filesOf(folder.resolve("grandchild")).links()).hasSize(3);
    }

    @Test
    void whatIsSharedIsNotMergedInto() throws IOException {
        ImageClone.Made made = clone(template, "one");
        write(folder.resolve("one"), 9, 'b');
        String base = made.snapshot().orElseThrow();
        SnapshotOperations operations = new SnapshotOperations(UUID::randomUUID);
        refused(
                Kind.READ_ONLY,
                "other images share it",
                () -> operations.delete(AttachedImage.filesOf(folder.resolve("one")), base));
        refused(Kind.READ_ONLY, "other images share it", () -> operations.mergeAll(AttachedImage.filesOf(template)));
        assertThat(content(folder.resolve("one"))).isEqualTo(".....a...b......");
        assertThat(content(template)).isEqualTo(".....a...a......");
    }

    @Test
    void aSingleFileIsSharedAndOnlyReadFromThenOn() throws IOException {
        for (String format : List.of(RawFormat.ID, ExpandedFormat.ID)) {
            Path file = folder.resolve("lone-" + format);
            try (ImageIo io = new VfsImageDirectory(folder).create("lone-" + format)) {
                org.tidemark.ploop.format.Formats.byId(format)
                        .create(io, new DeltaGeometry(ChainFiles.RAW_CLUSTER_BYTES * 2L, ChainFiles.RAW_CLUSTER_BYTES));
            }
            write(file, 3, 'l');
            clone(file, "of-" + format);
            refused(Kind.READ_ONLY, "other images share it", () -> write(file, 3, 'x'));
            write(folder.resolve("of-" + format), 4, 'm');
            assertThat(content(folder.resolve("of-" + format))).isEqualTo("...lm...........");
            assertThat(content(file)).isEqualTo("...l............");
        }
    }

    @Test
    void whatCannotBeClonedIsRefusedAndLeavesNothing() throws IOException {
        Files.createDirectory(folder.resolve("there"));
        assertThatThrownBy(() -> clone(template, "there")).isInstanceOf(FileAlreadyExistsException.class);
        refused(Kind.INVALID_REQUEST, "no snapshot", () -> new ImageClone(UUID::randomUUID)
                .make(template, Optional.of(UUID.randomUUID().toString()), folder.resolve("one")));
        Path odd = Files.write(folder.resolve("odd"), new byte[3 * 512]);
        refused(Kind.UNSUPPORTED, "does not end with a cluster", () -> clone(odd, "one"));
        Path crashed = folder.resolve("crashed");
        try (ImageIo io = new VfsImageDirectory(folder).create("crashed")) {
            new ExpandedFormat().create(io, new DeltaGeometry(SIZE, CLUSTER));
            AlignedBuffer mark = AlignedBuffer.allocate(4);
            mark.putInt(0, 0x746F6E59);
            io.write(44, mark, 0, 4);
        }
        refused(Kind.NOT_CLOSED, "was not closed", () -> clone(crashed, "one"));
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("template", "there", "odd", "crashed");
        }
    }

    @Test
    void whatAnInterruptedCloneLeftIsNoHindrance() throws IOException {
        Path partial = Files.createDirectory(folder.resolve("one.tidemark-partial"));
        Files.writeString(partial.resolve("root.hds"), "half a clone");
        clone(template, "one");
        assertThat(partial).doesNotExist();
        assertThat(content(folder.resolve("one"))).isEqualTo(".....a...a......");
    }

    @Test
    void aChainKeepsItsVersionOfTheFormat() throws IOException {
        for (ExpandedVersion version : ExpandedVersion.values()) {
            Path image = Files.createDirectory(folder.resolve(version.name()));
            ChainFiles.create(
                    new VfsImageDirectory(image), "root.hds", SIZE, CLUSTER, new ExpandedLayout(version, false));
            write(image, 1, 'v');
            clone(image, "of-" + version);
            for (Path of : List.of(image, folder.resolve("of-" + version))) {
                for (ChainFiles.Link link : AttachedImage.filesOf(of).links()) {
                    try (ImageIo io = link.directory().open(link.fileName(), ImageDirectory.OpenMode.READ_ONLY)) {
                        assertThat(ExpandedFormat.readHeader(io).version()).isEqualTo(version);
                    }
                }
                write(of, 2, 'w');
                assertThat(content(of)).isEqualTo(".vw.............");
            }
        }
    }

    @Test
    void aThousandClonesShareTheirBase() throws IOException {
        List<Path> clones = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            clone(template, "clone" + i);
            clones.add(folder.resolve("clone" + i));
        }
        assertThat(new VfsImageDirectory(template).names("root.hds")).isEqualTo(1001);
        write(clones.get(500), 0, 'z');
        assertThat(content(clones.get(500))).isEqualTo("z....a...a......");
        assertThat(content(clones.get(999))).isEqualTo(".....a...a......");
    }
}
