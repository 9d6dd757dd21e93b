package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * An image whose table is hit: one entry names another one's cluster, one names none of the file's. And what each cluster of
 * its disk must read as, before and after it is mended.
 */
final class DamagedImage {
    static final int CLUSTER = 32 * 1024;
    static final int CLUSTERS = 24;

    /** One that holds data and is not hit. */
    static final int SOUND = 2;
    /** One that holds nothing and is not hit. */
    static final int UNUSED = 20;

    private static final int SECTOR = 512;
    private static final int USED = 10;
    private static final int OWNER = 3;
    private static final int DUPLICATE = 15;
    private static final int BEYOND = 18;
    private static final long QCOW2_OFFSET = 0x00FFFFFFFFFFFE00L;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    /** What is hit. */
    enum Kind {
        EXPANDED,
        /** The level below a snapshot. */
        EXPANDED_BELOW,
        QCOW2
    }

    private final Kind kind;
    private final byte[][] expected = new byte[CLUSTERS][CLUSTER];
    /** What a cluster may read as too, because what came after that is not durable. */
    private final byte[][] older = new byte[CLUSTERS][];

    private final AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);

    DamagedImage(Kind kind) {
        this.kind = kind;
    }

    /** The same knowledge, for one of several futures. */
    DamagedImage copy() {
        DamagedImage copy = new DamagedImage(kind);
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            copy.expected[cluster] = expected[cluster].clone();
        }
        return copy;
    }

    /** The file that is hit. */
    String file() {
        return kind == Kind.QCOW2 ? "disk" : "root.hdd";
    }

    ChainFiles files(ImageDirectory folder) throws IOException {
        return kind == Kind.QCOW2 ? ChainFiles.loneFile(folder, file(), Qcow2Format.ID) : ChainFiles.in(folder);
    }

    AttachedImage attach(ImageDirectory folder, Use use, KeptState area) throws IOException {
        return attach(folder, use, area, true);
    }

    AttachedImage attach(ImageDirectory folder, Use use, KeptState area, boolean tracked) throws IOException {
        return AttachedImage.open(
                files(folder), use, area, () -> {}, tracked, new OwnerRecord(HOST, 1), UUID::randomUUID);
    }

    /** The image before anything hit it, closed and durable. */
    SimulatedDisk sound() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        if (kind == Kind.QCOW2) {
            try (ImageIo io = disk.create(file())) {
                Qcow2Format.create(io, new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER), CreateOptions.USUAL);
            }
            disk.sync();
        } else {
            ChainFiles.create(disk, file(), (long) CLUSTERS * CLUSTER, CLUSTER);
        }
        try (AttachedImage image = attach(disk, Use.READ_WRITE, new KeptState())) {
            for (int cluster = 0; cluster < USED; cluster++) {
                write(image, cluster, cluster + 1);
            }
            settle();
            if (kind == Kind.EXPANDED_BELOW) {
                try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
                    change.operations().create(image.files());
                }
            }
        }
        return disk;
    }

    /** Hits the table, durably; the image may be attached. */
    void damage(ImageDirectory disk) throws IOException {
        older[DUPLICATE] = expected[DUPLICATE];
        expected[DUPLICATE] = expected[OWNER].clone();
        try (ImageIo io = disk.open(file(), OpenMode.READ_WRITE)) {
            if (kind == Kind.QCOW2) {
                long l1 = word(io, 40);
                long l2 = word(io, l1) & QCOW2_OFFSET;
                TestBytes.write(io, l2 + 8 * DUPLICATE, TestBytes.read(io, l2 + 8 * OWNER, 8));
                TestBytes.write(
                        io,
                        l2 + 8 * BEYOND,
                        ByteBuffer.allocate(8).putLong(0, 1L << 63 | 1L << 40).array());
            } else {
                TestBytes.write(io, 64 + 4 * DUPLICATE, TestBytes.read(io, 64 + 4 * OWNER, 4));
                TestBytes.write(io, 64 + 4 * BEYOND, new byte[] {99, 0, 0, 0});
            }
            io.flush();
        }
        older[DUPLICATE] = null;
    }

    private static long word(ImageIo io, long at) throws IOException {
        return ByteBuffer.wrap(TestBytes.read(io, at, 8)).getLong();
    }

    void write(AttachedImage image, int cluster, long seed) throws IOException {
        byte[] data = new byte[CLUSTER];
        new Random(seed).nextBytes(data);
        buffer.bytes().put(0, data);
        older[cluster] = expected[cluster];
        expected[cluster] = data;
        image.write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
    }

    /** Everything that was written is durable. */
    void settle() {
        Arrays.fill(older, null);
    }

    /**
     * Every cluster reads as it must.
     *
     * @param mended otherwise what was hit may be refused
     */
    void requireShown(AttachedImage image, boolean mended) throws IOException {
        requireContent(image, mended, false);
    }

    /** The same after a crash, or of a file that a flush failed of: what was not made durable may be missing. */
    void requireKept(AttachedImage image, boolean mended) throws IOException {
        requireContent(image, mended, true);
    }

    private void requireContent(AttachedImage image, boolean mended, boolean lenient) throws IOException {
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            try {
                image.read((long) cluster * CLUSTER, buffer, 0, CLUSTER);
            } catch (ImageException e) {
                assertThat(mended).as("cluster " + cluster + ": " + e).isFalse();
                assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
                continue;
            }
            byte[] found = new byte[CLUSTER];
            buffer.bytes().get(0, found);
            // A device goes by the map that it knows until it is mended.
            boolean unseen = !mended && cluster == DUPLICATE && buffer.isZero(0, CLUSTER);
            assertThat(unseen || isLegal(found, cluster, lenient ? older[cluster] : null))
                    .as("content of cluster " + cluster)
                    .isTrue();
        }
    }

    /** A write that was not made durable may have reached the medium in parts. */
    private boolean isLegal(byte[] found, int cluster, byte @Nullable [] also) {
        for (int at = 0; at < CLUSTER; at += SECTOR) {
            int end = at + SECTOR;
            boolean right = Arrays.equals(found, at, end, expected[cluster], at, end)
                    || (also != null && Arrays.equals(found, at, end, also, at, end));
            if (!right) {
                return false;
            }
        }
        return true;
    }

    void nothingIsWrong(ImageDirectory disk) throws IOException {
        assertThat(ChainCheck.run(files(disk)).findings())
                .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
    }

    /** The whole file that is hit. */
    byte[] bytes(ImageDirectory disk) throws IOException {
        try (ImageIo io = disk.open(file(), OpenMode.READ_ONLY)) {
            return TestBytes.read(io, 0, (int) io.size());
        }
    }
}
