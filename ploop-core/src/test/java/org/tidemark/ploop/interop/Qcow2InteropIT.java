package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.SnapshotRestore;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** qcow2 images go both ways between us and qemu: what one writes the other reads, and finds nothing wrong with. */
@Requires({"qemu-img", "qemu-io"})
class Qcow2InteropIT {
    private static final int DISK = 8 << 20;

    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Programs.newFolder();
    }

    @AfterEach
    void removeFolder() throws Exception {
        Programs.remove(folder);
    }

    /** Options of {@code qemu-img create}. */
    static Stream<String> layouts() {
        return Stream.of(
                "compat=1.1",
                "compat=0.10",
                "compat=1.1,cluster_size=512",
                "compat=0.10,cluster_size=4096",
                "cluster_size=2M",
                "refcount_bits=1",
                "refcount_bits=2,cluster_size=512",
                "refcount_bits=4",
                "refcount_bits=8,cluster_size=4096",
                "refcount_bits=32",
                "refcount_bits=64,cluster_size=1024",
                "lazy_refcounts=on",
                "compression_type=zstd",
                "extended_l2=on",
                "extended_l2=on,cluster_size=16384",
                "preallocation=metadata",
                "data_file=outside",
                "data_file=outside,data_file_raw=on");
    }

    private ChainFiles files(String name) throws Exception {
        return ChainFiles.at(folder.resolve(name), VfsImageDirectory::new);
    }

    private byte[] asRaw(String file) throws Exception {
        Files.deleteIfExists(folder.resolve("out.raw"));
        Programs.ok(folder, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", file, "out.raw");
        return Files.readAllBytes(folder.resolve("out.raw"));
    }

    private void checkIsSpotless(String file) throws Exception {
        String output = Programs.ok(folder, "qemu-img", "check", "-f", "qcow2", file);
        assertThat(output).contains("No errors were found");
    }

    /** Random requests; some layouts cannot have compressed clusters. */
    private void qemuWrites(Random random, String file, boolean compressed) throws Exception {
        if (compressed) {
            for (int i = 0; i < 4; i++) {
                // Refused where a cluster is allocated already.
                int megabyte = random.nextInt(8);
                String range = (megabyte << 20) + " " + (1 << 20);
                Programs.run(folder, "qemu-io", "-f", "qcow2", "-c", "write -c -P " + (i + 7) + " " + range, file);
            }
        }
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (int i = 0; i < 40; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 300)) * 512;
            int offset = random.nextInt((DISK - length) / 512) * 512;
            int value = 1 + random.nextInt(255);
            command.add("-c");
            switch (random.nextInt(6)) {
                case 0 -> command.add("write -q -z " + offset + " " + length);
                case 1 -> command.add("write -q -z -u " + offset + " " + length);
                case 2 -> command.add("discard -q " + offset + " " + length);
                default -> command.add("write -q -P " + value + " " + offset + " " + length);
            }
        }
        command.add(file);
        Programs.ok(folder, command.toArray(new String[0]));
    }

    private static void weWrite(Random random, DeviceBytes disk, byte[] model) throws Exception {
        for (int i = 0; i < 40; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 300)) * 512;
            int offset = random.nextInt((model.length - length) / 512) * 512;
            if (random.nextInt(4) == 0) {
                disk.discard(offset, length);
                Arrays.fill(model, offset, offset + length, (byte) 0);
            } else {
                byte[] bytes = TestBytes.random(random, length);
                disk.write(offset, bytes);
                System.arraycopy(bytes, 0, model, offset, length);
            }
            if (random.nextInt(8) == 0) {
                disk.flush();
            }
        }
    }

    private void weRead(String file, byte[] model) throws Exception {
        for (ChainFiles files : List.of(files(file), ChainFiles.at(folder.resolve(file), DirectImageDirectory::new))) {
            try (DeviceBytes disk = DeviceBytes.open(files, Use.READ_ONLY)) {
                assertThat(disk.device().sizeBytes()).isEqualTo(model.length);
                assertThat(Arrays.mismatch(disk.read(0, model.length), model))
                        .as("first byte that we read otherwise")
                        .isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void bothWaysInEveryLayout(String layout) throws Exception {
        Seeds.replayable(getClass(), layout.hashCode(), random -> {
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            boolean compressed = !layout.contains("data_file") && !layout.contains("refcount_bits=1");
            for (int round = 0; round < 3; round++) {
                qemuWrites(random, "image", compressed);
                byte[] model = asRaw("image");
                weRead("image", model);
                try (DeviceBytes disk = DeviceBytes.open(files("image"), Use.READ_WRITE)) {
                    weWrite(random, disk, model);
                }
                checkIsSpotless("image");
                assertThat(Arrays.mismatch(asRaw("image"), model))
                        .as("first byte that qemu reads otherwise")
                        .isEqualTo(-1);
                weRead("image", model);
            }
        });
    }

    static LongStream seeds() {
        return Seeds.of(8).limit(200);
    }

    /** Raw or qcow2 at the bottom, disks and clusters of other sizes, overlays made by qemu and by us. */
    @ParameterizedTest
    @MethodSource("seeds")
    void chainsOfBackingFiles(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            String below = "raw";
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "raw", "l0", "" + (DISK - random.nextInt(9) * 512));
            Programs.ok(folder, "qemu-io", "-f", "raw", "-c", "write -q -P 77 100k 3M", "l0");
            int levels = 1 + random.nextInt(4);
            for (int level = 1; level <= levels; level++) {
                String name = "l" + level;
                // Between, disks may be smaller than what they stand on, which hides its end for ever.
                int size = level == levels ? DISK : DISK - random.nextInt(200) * 4096;
                int cluster = random.nextInt(3) == 0 ? 65536 : 512 << random.nextInt(10);
                boolean subclusters = cluster >= 16384 && random.nextInt(3) == 0;
                if (random.nextBoolean()) {
                    String options = "cluster_size=" + cluster + (subclusters ? ",extended_l2=on" : "");
                    Programs.ok(
                            folder,
                            "qemu-img",
                            "create",
                            "-q",
                            "-f",
                            "qcow2",
                            "-b",
                            "l" + (level - 1),
                            "-F",
                            below,
                            "-o",
                            options,
                            name,
                            "" + size);
                } else {
                    try (ImageIo io = new VfsImageDirectory(folder).create(name)) {
                        CreateOptions options = new CreateOptions(
                                subclusters || random.nextBoolean() ? 3 : 2, 4, false, subclusters, false, "", "");
                        Qcow2Format.create(
                                io, new DeltaGeometry(size, cluster), options.withBacking("l" + (level - 1), below));
                    }
                }
                below = "qcow2";
                if (level < levels) {
                    byte[] model = asRaw(name);
                    try (DeviceBytes disk = DeviceBytes.open(files(name), Use.READ_WRITE)) {
                        weWrite(random, disk, model);
                    }
                    assertSame(name, model);
                }
            }
            String top = "l" + levels;
            qemuWrites(random, top, true);
            byte[] model = asRaw(top);
            weRead(top, model);
            try (DeviceBytes disk = DeviceBytes.open(files(top), Use.READ_WRITE)) {
                weWrite(random, disk, model);
                assertThat(Arrays.mismatch(disk.read(0, DISK), model)).isEqualTo(-1);
            }
            assertSame(top, model);
        });
    }

    private void assertSame(String file, byte[] model) throws Exception {
        checkIsSpotless(file);
        assertThat(ChainCheck.run(files(file)).findings()).isEmpty();
        assertThat(Arrays.mismatch(asRaw(file), model))
                .as("first byte that qemu reads otherwise")
                .isEqualTo(-1);
        weRead(file, model);
    }

    /** What we lay out is spotless, empty and full, whatever the options. */
    @ParameterizedTest
    @MethodSource("seeds")
    void weCreateAndQemuGoesOn(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            boolean third = random.nextInt(4) > 0;
            int cluster = 512 << random.nextInt(13);
            boolean subclusters = third && cluster >= 16384 && random.nextBoolean();
            CreateOptions options = new CreateOptions(
                    third ? 3 : 2,
                    third ? random.nextInt(7) : 4,
                    third && random.nextBoolean(),
                    subclusters,
                    third && random.nextBoolean(),
                    "",
                    "");
            try (ImageIo io = new VfsImageDirectory(folder).create("image")) {
                Qcow2Format.create(io, new DeltaGeometry(DISK, cluster), options);
            }
            checkIsSpotless("image");
            byte[] model = new byte[DISK];
            for (int round = 0; round < 3; round++) {
                try (DeviceBytes disk = DeviceBytes.open(files("image"), Use.READ_WRITE)) {
                    weWrite(random, disk, model);
                }
                assertSame("image", model);
                if (options.refcountOrder() > 3) {
                    Programs.ok(folder, "qemu-img", "snapshot", "-c", "s" + round, "image");
                }
                qemuWrites(random, "image", options.refcountOrder() > 0);
                model = asRaw("image");
                assertSame("image", model);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"compat=1.1", "compat=0.10", "cluster_size=512", "extended_l2=on"})
    void aSnapshotIsRestored(String layout) throws Exception {
        Seeds.replayable(getClass(), layout.hashCode(), random -> {
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            byte[][] then = new byte[3][];
            for (int i = 0; i < then.length; i++) {
                qemuWrites(random, "image", true);
                then[i] = asRaw("image");
                Programs.ok(folder, "qemu-img", "snapshot", "-c", "s" + i, "image");
            }
            qemuWrites(random, "image", true);
            for (int round = 0; round < 4; round++) {
                int which = random.nextInt(then.length);
                try (ImageIo io = new VfsImageDirectory(folder).open("image", OpenMode.READ_WRITE)) {
                    SnapshotRestore.run(io, "s" + which);
                }
                assertSame("image", then[which]);
                byte[] model = then[which].clone();
                try (DeviceBytes disk = DeviceBytes.open(files("image"), Use.READ_WRITE)) {
                    weWrite(random, disk, model);
                }
                assertSame("image", model);
                for (int i = 0; i < then.length; i++) {
                    Programs.ok(folder, "qemu-img", "convert", "-O", "raw", "-l", "s" + i, "image", "then.raw");
                    assertThat(Arrays.equals(Files.readAllBytes(folder.resolve("then.raw")), then[i]))
                            .as("snapshot s" + i)
                            .isTrue();
                }
            }
        });
    }

    /** What a bitmap says, as qemu-nbd exports it: "offset length" of what is dirty, joined. */
    private List<String> qemuBitmap(String file, String name) throws Exception {
        String output = Programs.ok(
                folder,
                "nbdinfo",
                "--json",
                "--map=qemu:dirty-bitmap:" + name,
                "--",
                "[",
                "qemu-nbd",
                "-r",
                "-f",
                "qcow2",
                "-B",
                name,
                file,
                "]");
        List<String> ranges = new ArrayList<>();
        Matcher matcher = Pattern.compile("\"offset\": (\\d+), *\"length\": (\\d+), *\"type\": 1")
                .matcher(output.replaceAll("\\s+", " "));
        while (matcher.find()) {
            ranges.add(matcher.group(1) + " " + matcher.group(2));
        }
        return ranges;
    }

    private List<String> ourBitmap(String file, String name) throws Exception {
        try (ImageIo io = new VfsImageDirectory(folder).open(file, OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            Bitmap bitmap = Bitmap.list(io, header).stream()
                    .filter(one -> one.name().equals(name))
                    .findFirst()
                    .orElseThrow();
            List<String> ranges = new ArrayList<>();
            BitmapContent.ranges(io, header, bitmap, (offset, length) -> ranges.add(offset + " " + length));
            return ranges;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cluster_size=65536", "cluster_size=1024", "cluster_size=512"})
    @Requires("nbdinfo")
    void bitmapsGoBothWays(String layout) throws Exception {
        Seeds.replayable(getClass(), layout.hashCode(), random -> {
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "raw", "under", "" + DISK);
            boolean roomy = !layout.endsWith("=512");
            List<String> create = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2", "-o", layout));
            if (roomy) {
                // The name of the backing file is in the way of a new header extension.
                create.addAll(List.of("-b", "under", "-F", "raw"));
            }
            create.addAll(List.of("image", "" + DISK));
            Programs.ok(folder, create.toArray(new String[0]));
            List<BitSet> stored = new ArrayList<>();
            for (int round = 0; round < 3 && roomy; round++) {
                BitSet bits = new BitSet();
                for (int i = 0; i < 50; i++) {
                    int from = random.nextInt(DISK / 4096 - 9);
                    bits.set(from, from + 1 + random.nextInt(8));
                    bits.clear(random.nextInt(DISK / 4096));
                }
                try (ImageIo io = new VfsImageDirectory(folder).open("image", OpenMode.READ_WRITE)) {
                    BitmapContent.store(io, "ours" + round % 2, 12, Bitmap.AUTO, at -> bits.get((int) at));
                }
                stored.add(bits);
                checkIsSpotless("image");
                assertThat(ChainCheck.run(files("image")).findings()).isEmpty();
                assertThat(qemuBitmap("image", "ours" + round % 2)).isEqualTo(joined(bits));
                assertThat(ourBitmap("image", "ours" + round % 2)).isEqualTo(joined(bits));
            }
            Programs.ok(folder, "qemu-img", "bitmap", "--add", "-g", "512", "image", "theirs");
            qemuWrites(random, "image", false);
            assertThat(ourBitmap("image", "theirs")).isNotEmpty().isEqualTo(qemuBitmap("image", "theirs"));
            byte[] model = asRaw("image");
            try (DeviceBytes disk = DeviceBytes.open(files("image"), Use.READ_WRITE)) {
                weWrite(random, disk, model);
            }
            checkIsSpotless("image");
            assertThat(Arrays.equals(asRaw("image"), model)).isTrue();
            // We wrote and did not record it: nobody may believe the bitmap now.
            assertThat(Programs.ok(folder, "qemu-img", "info", "image")).contains("in-use");
            assertThatThrownBy(() -> ourBitmap("image", "theirs")).isInstanceOf(ImageException.class);
        });
    }

    private static List<String> joined(BitSet bits) {
        List<String> ranges = new ArrayList<>();
        for (int from = bits.nextSetBit(0); from >= 0; ) {
            int until = bits.nextClearBit(from);
            ranges.add(from * 4096L + " " + (until - from) * 4096L);
            from = bits.nextSetBit(until);
        }
        return ranges;
    }
}
