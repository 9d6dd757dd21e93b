package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.ChainRepair;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.check.UndoFile;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** What qemu finds in a damaged image we find too. */
@Requires({"qemu-img", "qemu-io"})
class Qcow2CheckInteropIT {
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

    static LongStream seeds() {
        return Seeds.of(3).limit(200);
    }

    /** Random damage to tables: whatever qemu calls an error or a leak we find too. */
    @ParameterizedTest
    @MethodSource("seeds")
    void checkFindsWhatQemuFinds(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            String layout = List.of("compat=1.1", "compat=0.10", "cluster_size=4096", "extended_l2=on")
                    .get(random.nextInt(4));
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            lab.qemuWrites(random, "image", true);
            Programs.ok(folder, "qemu-img", "snapshot", "-c", "s", "image");
            lab.qemuWrites(random, "image", true);
            byte[] sound = Files.readAllBytes(folder.resolve("image"));
            for (int i = 0; i < 25; i++) {
                byte[] bytes = sound.clone();
                damage(random, ByteBuffer.wrap(bytes));
                Files.write(folder.resolve("image"), bytes);
                Programs.Result theirs = Programs.run(folder, "qemu-img", "check", "-f", "qcow2", "image");
                String ours;
                try {
                    CheckReport report = ChainCheck.run(lab.files("image"));
                    boolean wrong = report.damaged()
                            || report.findings().stream().anyMatch(Finding.CopiedMismatch.class::isInstance);
                    boolean leaks = report.findings().stream().anyMatch(Finding.LeakedClusters.class::isInstance);
                    ours = wrong ? "errors" : leaks ? "leaks" : "clean";
                } catch (ImageException e) {
                    ours = "errors";
                }
                switch (theirs.status()) {
                    case 0 -> assertThat(ours).isNotEqualTo("leaks");
                    case 3 -> assertThat(ours).isNotEqualTo("clean");
                    default -> assertThat(ours).as(theirs.output()).isEqualTo("errors");
                }
            }
        });
    }

    /** What we mend is spotless for qemu, reads the same for both, and what was right before is right afterwards. */
    @ParameterizedTest
    @MethodSource("repairSeeds")
    void whatWeMendIsSpotlessForQemu(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            String layout = List.of(
                            "compat=1.1",
                            "compat=0.10",
                            "cluster_size=4096",
                            "cluster_size=4096,refcount_bits=32",
                            "refcount_bits=64,lazy_refcounts=on",
                            "extended_l2=on")
                    .get(random.nextInt(6));
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            if (!layout.equals("compat=0.10") && random.nextBoolean()) {
                Programs.ok(folder, "qemu-img", "bitmap", "--add", "image", "kept");
            }
            lab.qemuWrites(random, "image", true);
            Programs.ok(folder, "qemu-img", "snapshot", "-c", "s", "image");
            lab.qemuWrites(random, "image", true);
            byte[] sound = Files.readAllBytes(folder.resolve("image"));
            for (int i = 0; i < 5; i++) {
                byte[] bytes = sound.clone();
                for (int more = random.nextInt(3); more >= 0; more--) {
                    damage(random, ByteBuffer.wrap(bytes));
                }
                Files.write(folder.resolve("image"), bytes);
                ChainRepair.run(lab.files("image"));
                lab.checkIsSpotless("image");
                assertThat(ChainCheck.run(lab.files("image")).findings())
                        .allMatch(Finding.BitmapNotStored.class::isInstance);
                Programs.Result theirs =
                        Programs.run(folder, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", "image", "out.raw");
                if (theirs.status() == 0) {
                    lab.weRead("image", Files.readAllBytes(folder.resolve("out.raw")));
                } else {
                    // An entry that became one of compressed data.
                    assertThat(theirs.output()).contains("Input/output error");
                }
                if (Files.exists(folder.resolve("image.undo-1"))) {
                    UndoFile.putBack(new VfsImageDirectory(folder), "image.undo-1");
                }
                assertThat(Arrays.mismatch(Files.readAllBytes(folder.resolve("image")), bytes))
                        .isEqualTo(-1);
            }
        });
    }

    /** The same with a data file, which a repair reads and never changes: each cluster has one place there. */
    @ParameterizedTest
    @MethodSource("dataFileSeeds")
    void whatWeMendBesideADataFileIsSpotlessForQemu(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            String layout = "data_file=outside"
                    + List.of("", ",data_file_raw=on", ",extended_l2=on", ",refcount_bits=32")
                            .get(random.nextInt(4));
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-o", layout, "image", "" + DISK);
            lab.qemuWrites(random, "image", false);
            byte[] sound = Files.readAllBytes(folder.resolve("image"));
            byte[] outside = Files.readAllBytes(folder.resolve("outside"));
            for (int i = 0; i < 5; i++) {
                byte[] bytes = sound.clone();
                for (int more = random.nextInt(3); more >= 0; more--) {
                    damage(random, ByteBuffer.wrap(bytes));
                }
                Files.write(folder.resolve("image"), bytes);
                ChainRepair.run(lab.files("image"));
                assertThat(ChainCheck.run(lab.files("image")).findings())
                        .as(layout)
                        .isEmpty();
                lab.checkIsSpotless("image");
                lab.weRead("image", lab.asRaw("image"));
                assertThat(Arrays.mismatch(Files.readAllBytes(folder.resolve("outside")), outside))
                        .isEqualTo(-1);
                if (Files.exists(folder.resolve("image.undo-1"))) {
                    UndoFile.putBack(new VfsImageDirectory(folder), "image.undo-1");
                }
                assertThat(Arrays.mismatch(Files.readAllBytes(folder.resolve("image")), bytes))
                        .isEqualTo(-1);
            }
        });
    }

    static LongStream dataFileSeeds() {
        return Seeds.of(3).limit(200);
    }

    static LongStream repairSeeds() {
        return Seeds.of(4).limit(200);
    }

    private static void damage(Random random, ByteBuffer bytes) {
        int l1 = (int) bytes.getLong(40);
        int l2 = (int) (bytes.getLong(l1) & 0x00FFFFFFFFFFFE00L);
        int block = (int) bytes.getLong((int) bytes.getLong(48));
        int at = new int[] {l1, l2, l2, l2, block, block}[random.nextInt(6)] + random.nextInt(60) * 8;
        switch (random.nextInt(4)) {
            case 0 -> bytes.putLong(at, random.nextLong());
            case 1 -> bytes.putLong(at, bytes.getLong(at) ^ 1L << random.nextInt(64));
            case 2 -> bytes.putLong(at, bytes.getLong(l2 + random.nextInt(60) * 8));
            default -> bytes.putShort(at, (short) random.nextInt(3));
        }
    }
}
