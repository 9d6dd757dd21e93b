package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.ExpandedRepair;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.format.expanded.StoredBitmaps;
import org.tidemark.ploop.format.expanded.VersionConversion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;

/** Version 1, preallocated images, odd clusters, bitmaps, conversion and repair, with the programs of others as judges. */
@Requires({"qemu-img", "qemu-io", "qemu-nbd", "ploop", "unshare", "root"})
@Timeout(120)
class ExpandedVersionsInteropIT {
    private static final int DISK = 16 << 20;
    private static final int CLUSTER = 1 << 20;
    private static final String FAKE_KERNEL = "mount -t tmpfs none /sys/module && mkdir -p /sys/module/ploop/parameters"
            + " && echo 1 > /sys/module/ploop/parameters/large_disk_support && exec \"$@\"";

    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Programs.newFolder();
    }

    @AfterEach
    void removeFolder() throws Exception {
        Programs.remove(folder);
    }

    private Programs.Result ploop(String... arguments) throws Exception {
        List<String> command =
                new ArrayList<>(List.of("unshare", "-m", "bash", "-c", FAKE_KERNEL, "bash", "/usr/sbin/ploop"));
        command.addAll(List.of(arguments));
        return Programs.run(folder, Map.of("PADDING", "x".repeat(12_000)), command);
    }

    private void ploopOk(String... arguments) throws Exception {
        Programs.Result result = ploop(arguments);
        assertThat(result.status()).as(result.output()).isZero();
    }

    private VfsImageDirectory directory() throws IOException {
        return new VfsImageDirectory(folder);
    }

    private static void randomWrites(Random random, ChainDisk disk, byte[] model) throws Exception {
        for (int i = 0; i < 20; i++) {
            int length = (1 + random.nextInt(300)) * 512;
            int offset = random.nextInt((model.length - length) / 512) * 512;
            byte[] bytes = TestBytes.random(random, length);
            disk.write(offset, bytes);
            System.arraycopy(bytes, 0, model, offset, length);
        }
    }

    private void qemuWrites(Random random, String file, byte[] model) throws Exception {
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "parallels"));
        for (int i = 0; i < 20; i++) {
            int length = (1 + random.nextInt(300)) * 512;
            int offset = random.nextInt((model.length - length) / 512) * 512;
            int value = 1 + random.nextInt(255);
            command.add("-c");
            command.add("write -q -P " + value + " " + offset + " " + length);
            Arrays.fill(model, offset, offset + length, (byte) value);
        }
        command.add(file);
        Programs.ok(folder, command.toArray(new String[0]));
    }

    private void requireQemuReads(String file, byte[] model) throws Exception {
        Files.deleteIfExists(folder.resolve("out.raw"));
        Programs.ok(folder, "qemu-img", "convert", "-f", "parallels", "-O", "raw", file, "out.raw");
        assertThat(Arrays.mismatch(Files.readAllBytes(folder.resolve("out.raw")), model))
                .as("qemu reads")
                .isEqualTo(-1);
    }

    private void requireWeRead(String file, byte[] model) throws Exception {
        ChainFiles files = ChainFiles.loneFile(directory(), file);
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.READ)) {
            assertThat(Arrays.mismatch(disk.read(0, model.length), model)).isEqualTo(-1);
        }
        assertThat(ChainCheck.run(files).damaged()).isFalse();
    }

    @Test
    void version1GoesBothWays() throws Exception {
        Random random = new Random(1);
        byte[] model = new byte[DISK];
        ploopOk("init", "-s", "16M", "-v", "1", "-t", "none", "root.hdd");
        ChainFiles theirs = ChainFiles.in(directory());
        try (ChainDisk disk = ChainDisk.open(theirs, OpenIntent.WRITE)) {
            randomWrites(random, disk, model);
        }
        Programs.ploopCheckIsClean(folder, "root.hdd");
        Programs.qemuCheckIsClean(folder, "root.hdd");
        requireQemuReads("root.hdd", model);
        qemuWrites(random, "root.hdd", model);
        requireWeRead("root.hdd", model);
        try (ChainDisk disk = ChainDisk.open(theirs, OpenIntent.WRITE)) {
            randomWrites(random, disk, model);
        }
        Programs.ploopCheckIsClean(folder, "root.hdd");
        requireQemuReads("root.hdd", model);
    }

    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void emptyAndPreallocatedImagesAreThoseOfPloopInit(ExpandedVersion version) throws Exception {
        for (boolean preallocated : new boolean[] {false, true}) {
            Path theirs = Files.createDirectory(folder.resolve("theirs" + preallocated));
            Path ours = Files.createDirectory(folder.resolve("ours" + preallocated));
            ploopOk(
                    "init",
                    "-s",
                    "16M",
                    "-v",
                    Integer.toString(version.number()),
                    "-f",
                    preallocated ? "preallocated" : "expanded",
                    "-t",
                    "none",
                    theirs.resolve("root.hdd").toString());
            ChainFiles.create(
                    new VfsImageDirectory(ours), "root.hdd", DISK, CLUSTER, new ExpandedLayout(version, preallocated));
            assertThat(Files.mismatch(theirs.resolve("root.hdd"), ours.resolve("root.hdd")))
                    .isEqualTo(-1);
            assertThat(Files.readString(ours.resolve("DiskDescriptor.xml")).contains("<Preallocated>1</Preallocated>"))
                    .isEqualTo(preallocated);
            assertThat(withoutLayout(ours)).isEqualTo(withoutLayout(theirs));
        }
    }

    private static String withoutLayout(Path image) throws Exception {
        return Files.readString(image.resolve("DiskDescriptor.xml"))
                .replaceFirst("<\\?xml[^>]*>", "")
                .replaceAll(">\\s+<", "><")
                .trim();
    }

    /** Cluster sizes that only old programs made: qemu is the one that still reads and writes them. */
    @ParameterizedTest
    @ValueSource(strings = {"1 63 63", "1 63 0", "1 504 0", "1 504 504", "2 63 63", "2 504 504", "2 192 192"})
    void oddClustersGoBothWaysWithQemu(String shape) throws Exception {
        int[] words =
                Arrays.stream(shape.split(" ")).mapToInt(Integer::parseInt).toArray();
        int sectors = 9000;
        byte[] model = new byte[sectors * 512];
        int entries = (sectors + words[1] - 1) / words[1];
        ExpandedHeader header = new ExpandedHeader(
                ExpandedVersion.ofNumber(words[0]), 2, 16, 16, words[1], entries, sectors, 0, words[2], 0, 0);
        try (ImageIo io = directory().create("d0")) {
            AlignedBuffer head = AlignedBuffer.allocate(512);
            header.encode(head, 0);
            io.truncate(header.dataStartBytes());
            io.write(0, head, 0, 512);
        }
        Random random = new Random(words[1]);
        for (int round = 0; round < 2; round++) {
            qemuWrites(random, "d0", model);
            requireWeRead("d0", model);
            PloopDevice device = Chains.open(directory(), 1, OpenIntent.WRITE, new KeptState(), null);
            for (int i = 0; i < 20; i++) {
                int length = (1 + random.nextInt(300)) * 512;
                int offset = random.nextInt((model.length - length) / 512) * 512;
                byte[] bytes = random.nextInt(4) == 0 ? new byte[length] : TestBytes.random(random, length);
                if (bytes[0] == 0 && bytes[length - 1] == 0) {
                    device.discard(offset, length);
                    Arrays.fill(bytes, (byte) 0);
                } else {
                    device.write(offset, TestBytes.buffer(bytes), 0, length);
                }
                System.arraycopy(bytes, 0, model, offset, length);
            }
            device.detach();
            requireQemuReads("d0", model);
        }
    }

    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void whatWeConvertInPlaceOthersRead(ExpandedVersion version) throws Exception {
        byte[] model = new byte[DISK];
        ExpandedVersion other = version == ExpandedVersion.V1 ? ExpandedVersion.V2 : ExpandedVersion.V1;
        ChainFiles files =
                ChainFiles.create(directory(), "root.hdd", DISK, CLUSTER, new ExpandedLayout(version, false));
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.WRITE)) {
            randomWrites(new Random(2), disk, model);
        }
        Files.copy(folder.resolve("root.hdd"), folder.resolve("before"));
        VersionConversion.run(List.of(new VersionConversion.Place(directory(), "root.hdd")), other);
        Programs.ploopCheckIsClean(folder, "root.hdd");
        Programs.qemuCheckIsClean(folder, "root.hdd");
        requireQemuReads("root.hdd", model);
        ploopOk("convert", "-v", Integer.toString(version.number()), "DiskDescriptor.xml");
        assertThat(Files.mismatch(folder.resolve("root.hdd"), folder.resolve("before")))
                .as("ploop converts back to what it was")
                .isEqualTo(-1);
    }

    /** The state that both programs leave when they are interrupted: ploop sees it as such, and we go back. */
    @Test
    void anInterruptedConversionIsTakenBack() throws Exception {
        byte[] model = new byte[DISK];
        ChainFiles files = ChainFiles.create(directory(), "root.hdd", DISK, CLUSTER);
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.WRITE)) {
            randomWrites(new Random(3), disk, model);
        }
        Path image = folder.resolve("root.hdd");
        byte[] before = Files.readAllBytes(image);
        Files.write(folder.resolve("root.hdd.idx"), Arrays.copyOf(before, CLUSTER));
        byte[] half = before.clone();
        ByteBuffer words = ByteBuffer.wrap(half).order(ByteOrder.LITTLE_ENDIAN);
        words.putInt(44, ExpandedHeader.MARK_IN_USE).putInt(52, 2).putInt(64, words.getInt(64) * 2048);
        Files.write(image, half);
        assertThat(Programs.run(folder, "ploop", "check", "-f", "-c", "-r", "root.hdd")
                        .status())
                .as("busy")
                .isEqualTo(17);
        assertThat(VersionConversion.goBack(List.of(new VersionConversion.Place(directory(), "root.hdd"))))
                .isTrue();
        requireQemuReads("root.hdd", model);
    }

    @Test
    void qemuReadsOurBitmaps() throws Exception {
        UUID id = UUID.fromString("e4f2eed0-37fe-4539-b50b-85d2e7fd235f");
        try (ImageIo io = directory().create("d0")) {
            new ExpandedFormat().create(io, new DeltaGeometry(64L << 20, CLUSTER));
            BitSet dirty = new BitSet();
            for (int bit : new int[] {5, 6, 10, 11, 12, 30}) {
                dirty.set(bit);
            }
            StoredBitmaps.write(io, List.of(new StoredBitmap(id, (64L << 20) / 512, 128, dirty)));
        }
        assertThat(dirtyForQemu(id)).containsExactly("327680+131072", "655360+196608", "1966080+65536");
        ChainFiles files = ChainFiles.loneFile(directory(), "d0");
        try (AttachedImage image = AttachedImage.open(
                files,
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(files, true),
                true,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            image.write(20 << 20, TestBytes.buffer(TestBytes.filled(4096, 7)), 0, 4096);
            image.discard(327680, 4096);
        }
        assertThat(dirtyForQemu(id))
                .containsExactly("327680+131072", "655360+196608", "1966080+65536", "20971520+65536");
    }

    /** What qemu says the bitmap of the image shows. */
    private List<String> dirtyForQemu(UUID id) throws Exception {
        Path socket = folder.resolve("nbd.sock");
        Process server = new ProcessBuilder(
                        "qemu-nbd", "-r", "-f", "parallels", "-k", socket.toString(), "-B", id.toString(), "d0")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("nbd.log").toFile())
                .start();
        try {
            for (int i = 0; i < 200 && !Files.exists(socket) && server.isAlive(); i++) {
                Thread.sleep(50);
            }
            String map = Programs.ok(
                    folder,
                    "qemu-img",
                    "map",
                    "--output=json",
                    "--image-opts",
                    "driver=nbd,server.type=unix,server.path=" + socket + ",x-dirty-bitmap=qemu:dirty-bitmap:" + id);
            return map.lines()
                    .filter(line -> line.contains("\"data\": false"))
                    .map(line -> line.replaceAll(".*\"start\": ([0-9]+), \"length\": ([0-9]+),.*", "$1+$2"))
                    .toList();
        } finally {
            server.destroy();
            server.waitFor();
            Files.deleteIfExists(socket);
        }
    }

    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void whatWeRepairOthersFindClean(ExpandedVersion version) throws Exception {
        byte[] model = new byte[DISK];
        try (ImageIo io = directory().create("d0")) {
            new ExpandedFormat().create(io, new DeltaGeometry(DISK, 65536), new ExpandedLayout(version, false));
        }
        ChainFiles files = ChainFiles.loneFile(directory(), "d0");
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.WRITE)) {
            randomWrites(new Random(4), disk, model);
        }
        byte[] bytes = Files.readAllBytes(folder.resolve("d0"));
        ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<Integer> used = new ArrayList<>();
        List<Integer> unused = new ArrayList<>();
        for (int cluster = 0; cluster < DISK / 65536; cluster++) {
            (words.getInt(64 + 4 * cluster) == 0 ? unused : used).add(cluster);
        }
        words.putInt(64 + 4 * unused.get(0), words.getInt(64 + 4 * used.get(0)));
        System.arraycopy(model, used.get(0) * 65536, model, unused.get(0) * 65536, 65536);
        words.putInt(64 + 4 * unused.get(1), 0x7000000);
        words.putInt(64 + 4 * unused.get(2), 0xFFFFFFFF);
        words.putInt(64 + 4 * (DISK / 65536) + 40, 70);
        words.putInt(44, ExpandedHeader.MARK_IN_USE);
        Files.write(folder.resolve("d0"), bytes);
        assertThat(Programs.run(folder, "ploop", "check", "-f", "-c", "-r", "-d", "d0")
                        .status())
                .isNotZero();
        ExpandedRepair.run(directory(), "d0", "undo");
        Programs.ploopCheckIsClean(folder, "d0");
        Programs.qemuCheckIsClean(folder, "d0");
        requireQemuReads("d0", model);
        try (ImageIo io = directory().open("d0", OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings()).isEmpty();
        }
    }
}
