package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** Images go both ways between us, qemu and the ploop tools. */
@Requires({"qemu-img", "qemu-io", "ploop"})
class ExpandedInteropIT {
    private static final int DISK = 16 << 20;

    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Programs.newFolder();
    }

    @AfterEach
    void removeFolder() throws Exception {
        Programs.remove(folder);
    }

    static LongStream seeds() {
        return Seeds.of(6).limit(6);
    }

    private ChainFiles files() throws Exception {
        return ChainFiles.at(folder, VfsImageDirectory::new);
    }

    private ChainFiles create(int clusterBytes) throws Exception {
        return ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", DISK, clusterBytes);
    }

    private byte[] asRaw(String options) throws Exception {
        Files.deleteIfExists(folder.resolve("out.raw"));
        Programs.ok(folder, "qemu-img", "convert", "-O", "raw", "--image-opts", options, "out.raw");
        return Files.readAllBytes(folder.resolve("out.raw"));
    }

    private static String parallels(String prefix, String file) {
        return prefix + "driver=parallels," + prefix + "file.driver=file," + prefix + "file.filename=" + file;
    }

    private static void randomWrites(Random random, ChainDisk disk, byte[] model) throws Exception {
        for (int i = 0; i < 30; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 700)) * 512;
            int offset = random.nextInt((DISK - length) / 512) * 512;
            byte[] bytes = TestBytes.random(random, length);
            disk.write(offset, bytes);
            System.arraycopy(bytes, 0, model, offset, length);
        }
    }

    private void qemuWrites(Random random, String file, byte[] model) throws Exception {
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "parallels"));
        for (int i = 0; i < 30; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 700)) * 512;
            int offset = random.nextInt((DISK - length) / 512) * 512;
            int value = 1 + random.nextInt(255);
            command.add("-c");
            command.add("write -q -P " + value + " " + offset + " " + length);
            Arrays.fill(model, offset, offset + length, (byte) value);
        }
        command.add(file);
        Programs.ok(folder, command.toArray(new String[0]));
    }

    private void ours(byte[] model) throws Exception {
        try (ChainDisk disk = ChainDisk.open(files(), OpenIntent.READ)) {
            assertThat(disk.sizeBytes()).isEqualTo(DISK);
            assertThat(Arrays.equals(disk.read(0, DISK), model))
                    .as("our reader")
                    .isTrue();
        }
        assertThat(ChainCheck.run(files()).findings()).isEmpty();
    }

    @Test
    void ourEmptyImagesAreCleanEverywhere() throws Exception {
        for (int cluster = 32768; cluster <= 64 << 20; cluster *= 2) {
            try (ImageIo io = new VfsImageDirectory(folder).create("c" + cluster)) {
                new ExpandedFormat().create(io, new DeltaGeometry(128L << 20, cluster));
            }
            Programs.ploopCheckIsClean(folder, "c" + cluster);
            Programs.qemuCheckIsClean(folder, "c" + cluster);
        }
    }

    @Test
    void anImageThatWasOpenAndStayedEmptyIsClean() throws Exception {
        ChainDisk.open(create(1 << 20), OpenIntent.WRITE).close();
        Programs.ploopCheckIsClean(folder, "root.hdd");
        Programs.qemuCheckIsClean(folder, "root.hdd");
    }

    @Test
    void ourHeaderDiffersFromQemusInTheEmptyFlagOnly() throws Exception {
        create(1 << 20);
        Programs.ok(folder, "qemu-img", "create", "-f", "parallels", "theirs", "16M");
        byte[] ours = Arrays.copyOf(Files.readAllBytes(folder.resolve("root.hdd")), 4096);
        byte[] theirs = Arrays.copyOf(Files.readAllBytes(folder.resolve("theirs")), 4096);
        assertThat(ours[52]).isEqualTo((byte) 1);
        ours[52] = theirs[52];
        assertThat(ours).isEqualTo(theirs);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void whatWeWriteOthersReadAndWhatTheyWriteWeRead(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            byte[] model = new byte[DISK];
            int cluster = 32768 << random.nextInt(7);
            try (ChainDisk disk = ChainDisk.open(create(cluster), OpenIntent.WRITE)) {
                randomWrites(random, disk, model);
            }
            Programs.ploopCheckIsClean(folder, "root.hdd");
            Programs.qemuCheckIsClean(folder, "root.hdd");
            assertThat(Arrays.equals(asRaw(parallels("", "root.hdd")), model))
                    .as("qemu reads")
                    .isTrue();
            qemuWrites(random, "root.hdd", model);
            ours(model);
            try (ChainDisk disk = ChainDisk.open(files(), OpenIntent.WRITE)) {
                randomWrites(random, disk, model);
            }
            Programs.ploopCheckIsClean(folder, "root.hdd");
            assertThat(Arrays.equals(asRaw(parallels("", "root.hdd")), model))
                    .as("qemu reads again")
                    .isTrue();
            ours(model);
        });
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aChainOfTwoReadsAsQemuReadsIt(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            byte[] model = new byte[DISK];
            try (ChainDisk disk = ChainDisk.open(create(65536), OpenIntent.WRITE)) {
                randomWrites(random, disk, model);
            }
            byte[] frozen = model.clone();
            new SnapshotOperations(() -> new UUID(random.nextLong(), random.nextLong())).create(files());
            String top = files().top().fileName();
            try (ChainDisk disk = ChainDisk.open(files(), OpenIntent.WRITE)) {
                randomWrites(random, disk, model);
            }
            Programs.ploopCheckIsClean(folder, "DiskDescriptor.xml");
            String stack = parallels("", top) + "," + parallels("backing.", "root.hdd");
            assertThat(Arrays.equals(asRaw(stack), model))
                    .as("qemu reads the chain")
                    .isTrue();
            assertThat(Arrays.equals(asRaw(parallels("", "root.hdd")), frozen))
                    .as("the frozen delta")
                    .isTrue();
            ours(model);
            String list = Programs.ok(folder, "ploop", "snapshot-list", "-H", "-o", "uuid,fname", "DiskDescriptor.xml");
            assertThat(list).contains(top);
        });
    }

    @Test
    void qemusOwnImageIsRead() throws Exception {
        byte[] model = new byte[DISK];
        Programs.ok(folder, "qemu-img", "create", "-f", "parallels", "-o", "cluster_size=256k", "theirs", "16M");
        qemuWrites(new Random(4), "theirs", model);
        ChainFiles files = ChainFiles.at(folder.resolve("theirs"), VfsImageDirectory::new);
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.READ)) {
            assertThat(Arrays.equals(disk.read(0, DISK), model)).isTrue();
        }
        assertThat(ChainCheck.run(files).findings()).isEmpty();
    }

    @Test
    void anImageThatWasNotClosedIsSeenAsSuchByAll() throws Exception {
        byte[] model = new byte[DISK];
        ChainDisk crashed = ChainDisk.open(create(65536), OpenIntent.WRITE);
        randomWrites(new Random(9), crashed, model);
        crashed.crash();
        assertThat(Programs.run(folder, "ploop", "check", "-f", "-c", "-r", "root.hdd")
                        .status())
                .isEqualTo(37);
        assertThat(Programs.run(folder, "qemu-img", "check", "root.hdd").status())
                .isEqualTo(2);
        ChainDisk.open(files(), OpenIntent.RECOVER).close();
        Programs.ploopCheckIsClean(folder, "root.hdd");
        Programs.qemuCheckIsClean(folder, "root.hdd");
        ours(model);
    }
}
