package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.SnapshotRestore;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** qcow2 images go both ways between us and qemu: what one writes the other reads, and finds nothing wrong with. */
@Requires({"qemu-img", "qemu-io"})
class Qcow2InteropIT {
    private static final int DISK = Qcow2Lab.DISK;

    private Qcow2Lab lab;
    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        lab = new Qcow2Lab();
        folder = lab.folder;
    }

    @AfterEach
    void removeFolder() throws Exception {
        lab.remove();
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
                "data_file=outside,data_file_raw=on",
                "data_file=outside,extended_l2=on",
                "data_file=outside,data_file_raw=on,extended_l2=on,cluster_size=16384");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void bothWaysInEveryLayout(String layout) throws Exception {
        Seeds.replayable(getClass(), layout.hashCode(), random -> {
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            boolean compressed = !layout.contains("data_file") && !layout.contains("refcount_bits=1");
            for (int round = 0; round < 3; round++) {
                lab.qemuWrites(random, "image", compressed);
                byte[] model = lab.asRaw("image");
                lab.weRead("image", model);
                try (DeviceBytes disk = DeviceBytes.open(lab.files("image"), Use.READ_WRITE)) {
                    Qcow2Lab.weWrite(random, disk, model);
                }
                lab.checkIsSpotless("image");
                assertThat(Arrays.mismatch(lab.asRaw("image"), model))
                        .as("first byte that qemu reads otherwise")
                        .isEqualTo(-1);
                lab.weRead("image", model);
            }
        });
    }

    static LongStream seeds() {
        return Seeds.of(3).limit(200);
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
                    byte[] model = lab.asRaw(name);
                    try (DeviceBytes disk = DeviceBytes.open(lab.files(name), Use.READ_WRITE)) {
                        Qcow2Lab.weWrite(random, disk, model);
                    }
                    lab.assertSame(name, model);
                }
            }
            String top = "l" + levels;
            lab.qemuWrites(random, top, true);
            byte[] model = lab.asRaw(top);
            lab.weRead(top, model);
            try (DeviceBytes disk = DeviceBytes.open(lab.files(top), Use.READ_WRITE)) {
                Qcow2Lab.weWrite(random, disk, model);
                assertThat(Arrays.mismatch(disk.read(0, DISK), model)).isEqualTo(-1);
            }
            lab.assertSame(top, model);
        });
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
            lab.checkIsSpotless("image");
            byte[] model = new byte[DISK];
            for (int round = 0; round < 3; round++) {
                try (DeviceBytes disk = DeviceBytes.open(lab.files("image"), Use.READ_WRITE)) {
                    Qcow2Lab.weWrite(random, disk, model);
                }
                lab.assertSame("image", model);
                if (options.refcountOrder() > 3) {
                    Programs.ok(folder, "qemu-img", "snapshot", "-c", "s" + round, "image");
                }
                lab.qemuWrites(random, "image", options.refcountOrder() > 0);
                model = lab.asRaw("image");
                lab.assertSame("image", model);
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
                lab.qemuWrites(random, "image", true);
                then[i] = lab.asRaw("image");
                Programs.ok(folder, "qemu-img", "snapshot", "-c", "s" + i, "image");
            }
            lab.qemuWrites(random, "image", true);
            for (int round = 0; round < 2; round++) {
                int which = random.nextInt(then.length);
                try (ImageIo io = new VfsImageDirectory(folder).open("image", OpenMode.READ_WRITE)) {
                    SnapshotRestore.run(io, "s" + which);
                }
                lab.assertSame("image", then[which]);
                byte[] model = then[which].clone();
                try (DeviceBytes disk = DeviceBytes.open(lab.files("image"), Use.READ_WRITE)) {
                    Qcow2Lab.weWrite(random, disk, model);
                }
                lab.assertSame("image", model);
                for (int i = 0; i < then.length; i++) {
                    Programs.ok(folder, "qemu-img", "convert", "-O", "raw", "-l", "s" + i, "image", "then.raw");
                    assertThat(Arrays.equals(Files.readAllBytes(folder.resolve("then.raw")), then[i]))
                            .as("snapshot s" + i)
                            .isTrue();
                }
            }
        });
    }
}
