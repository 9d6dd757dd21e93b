package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Bitmaps of changes are stored as other programs store them, in a safe order, and read back. */
class StoredBitmapsTest {
    private static final int CLUSTER = 32768;
    private static final long DISK = 1000L * CLUSTER;
    private static final UUID ID = UUID.fromString("e4f2eed0-37fe-4539-b50b-85d2e7fd235f");

    private SimulatedDisk disk = new SimulatedDisk();

    @BeforeEach
    void create() throws IOException {
        disk = new SimulatedDisk();
        Chains.create(disk, "d0", new DeltaGeometry(DISK, CLUSTER));
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(0, TestBytes.buffer(TestBytes.filled(4096, 5)), 0, 4096);
        device.detach();
    }

    private static StoredBitmap bitmap(int granularity, int... bits) {
        BitSet dirty = new BitSet();
        for (int bit : bits) {
            dirty.set(bit);
        }
        return new StoredBitmap(ID, DISK / 512, granularity, dirty);
    }

    private static void write(SimulatedDisk where, UnaryOperator<ImageIo> broken, StoredBitmap... bitmaps)
            throws IOException {
        try (ImageIo io = where.open("d0", OpenMode.READ_WRITE)) {
            StoredBitmaps.write(broken.apply(io), List.of(bitmaps));
        }
    }

    private static List<StoredBitmap> read(SimulatedDisk where) throws IOException {
        try (ImageIo io = where.open("d0", OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).damaged()).isFalse();
            return StoredBitmaps.read(io);
        }
    }

    @Test
    void isReadAsItWasStored() throws IOException {
        StoredBitmap fine = bitmap(8, 0, 7, 8, 4711, 7999);
        StoredBitmap coarse = bitmap(128, 5, 6, 10, 11, 12, 30);
        write(disk, UnaryOperator.identity(), fine, coarse);
        assertThat(read(disk)).containsExactly(fine, coarse);
        write(disk, UnaryOperator.identity(), coarse);
        assertThat(read(disk)).containsExactly(coarse);
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings())
                    .as("the clusters of the first two are left over")
                    .singleElement()
                    .isInstanceOf(org.tidemark.ploop.check.Finding.LeakedClusters.class);
        }
    }

    /** Any bit of the extension's cluster, its checksum included; the bits of a bitmap, in clusters of their own, have none. */
    @Test
    void aFlippedBitOfTheExtensionIsSeen() throws IOException {
        write(disk, UnaryOperator.identity(), bitmap(128, 5, 6, 10, 11, 12, 30));
        long extension;
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            extension = io.size() - 2L * CLUSTER;
            byte[] magic = TestBytes.read(io, extension, 8);
            extension += magic[7] == (byte) 0xAB || magic[0] == (byte) 0x87 ? 0 : CLUSTER;
        }
        for (int bit = 0; bit < CLUSTER * 8; bit += bit < 2048 ? 1 : 997) {
            SimulatedDisk hit = disk.twin();
            try (ImageIo io = hit.open("d0", OpenMode.READ_WRITE)) {
                byte[] one = TestBytes.read(io, extension + bit / 8, 1);
                one[0] ^= (byte) (1 << bit % 8);
                TestBytes.write(io, extension + bit / 8, one);
            }
            int which = bit;
            assertThatThrownBy(() -> Chains.open(hit, 1, OpenIntent.WRITE, new KeptState(), null))
                    .as("bit " + which)
                    .isInstanceOf(ImageException.class);
            try (ImageIo io = hit.open("d0", OpenMode.READ_ONLY)) {
                assertThat(ChainCheck.run(io).findings()).as("bit " + which).isNotEmpty();
            }
        }
    }

    /** Byte for byte what the format's description says. */
    @Test
    void theBytes() throws IOException {
        write(disk, UnaryOperator.identity(), bitmap(128, 5, 6, 10, 11, 12, 30));
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            ByteBuffer file =
                    ByteBuffer.wrap(TestBytes.read(io, 0, (int) io.size())).order(ByteOrder.LITTLE_ENDIAN);
            assertThat(file.getInt(44)).isEqualTo(0x312E3276);
            int extension = (int) file.getLong(56) * 512;
            assertThat(extension).isEqualTo(3 * CLUSTER);
            assertThat(file.getLong(extension)).isEqualTo(0xAB234CEF23DCEA87L);
            assertThat(file.getLong(extension + 24)).isEqualTo(0x20385FAE252CB34AL);
            assertThat(file.getLong(extension + 32)).as("flags").isZero();
            assertThat(file.getInt(extension + 40)).as("length").isEqualTo(40);
            assertThat(file.getLong(extension + 48)).as("sectors").isEqualTo(DISK / 512);
            byte[] id = new byte[16];
            file.get(extension + 56, id);
            assertThat(id)
                    .startsWith(0xe4, 0xf2, 0xee, 0xd0, 0x37, 0xfe, 0x45, 0x39)
                    .endsWith(0xfd, 0x23, 0x5f);
            assertThat(file.getInt(extension + 72)).as("granularity").isEqualTo(128);
            assertThat(file.getInt(extension + 76)).as("pieces").isEqualTo(1);
            assertThat(file.getLong(extension + 80)).as("where the bits are").isEqualTo(2L * CLUSTER / 512);
            byte[] bits = new byte[5];
            file.get(2 * CLUSTER, bits);
            assertThat(bits).containsExactly(0x60, 0x1C, 0, 0x40, 0);
        }
    }

    /** The next writer drops them: they would miss what it writes. */
    @Test
    void aWriterDropsThem() throws IOException {
        write(disk, UnaryOperator.identity(), bitmap(128, 1));
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        AlignedBuffer found = AlignedBuffer.allocate(4096);
        device.read(0, found, 0, 4096);
        assertThat(found.getInt(0)).isEqualTo(0x05050505);
        device.write(40L * CLUSTER, TestBytes.buffer(TestBytes.filled(4096, 6)), 0, 4096);
        device.detach();
        assertThat(read(disk)).isEmpty();
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings()).isEmpty();
            assertThat(io.size()).as("their clusters were used again").isEqualTo(3L * CLUSTER);
        }
    }

    @Test
    void aCrashAnywhereLeavesTheOldOrTheNewOrNone() throws IOException {
        survive(UnaryOperator.identity());
    }

    /** Negative control: without the sync before the header somebody believes what is not there. */
    @Test
    void theSyncBeforeTheHeaderIsMissed() {
        assertThatThrownBy(() -> survive(file -> new ForwardingImageIo(file) {
                    private int flushes;

                    @Override
                    public void flush() throws IOException {
                        if (flushes++ > 0) {
                            super.flush();
                        }
                    }
                }))
                .isInstanceOfAny(AssertionError.class, ImageException.class);
    }

    private void survive(UnaryOperator<ImageIo> broken) throws IOException {
        StoredBitmap old = bitmap(128, 1, 2, 3);
        StoredBitmap fresh = bitmap(8, 17, 3000);
        write(disk, UnaryOperator.identity(), old);
        SimulatedDisk before = disk.crash(new Random(1));
        Random random = new Random(2);
        boolean powered = false;
        for (int operation = 1; !powered; operation++) {
            for (int life = 0; life < 30; life++) {
                SimulatedDisk now = before.crash(random);
                now.faults().powerOffAt(now.faults().operations() + operation);
                try {
                    write(now, broken, fresh);
                    powered = true;
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("no power");
                }
                List<StoredBitmap> found = read(now.crash(random));
                assertThat(found).isIn(List.of(old), List.of(fresh));
            }
        }
    }

    @Test
    void whatMakesNoSenseIsRefusedByName() throws Exception {
        write(disk, UnaryOperator.identity(), bitmap(128, 5));
        int[][] wrong = {{72, 96}, {72, 0}, {76, 2}, {48, 77}, {40, 8}, {40, 0x7FFFFFFF}, {80, 0x7FFFFFFF}};
        for (int[] one : wrong) {
            SimulatedDisk copy = disk.crash(new Random(1));
            try (ImageIo io = copy.open("d0", OpenMode.READ_WRITE)) {
                byte[] cluster = TestBytes.read(io, 3 * CLUSTER, CLUSTER);
                ByteBuffer.wrap(cluster).order(ByteOrder.LITTLE_ENDIAN).putInt(one[0], one[1]);
                byte[] digest =
                        java.security.MessageDigest.getInstance("MD5").digest(Arrays.copyOfRange(cluster, 24, CLUSTER));
                System.arraycopy(digest, 0, cluster, 8, 16);
                TestBytes.write(io, 3 * CLUSTER, cluster);
                assertThatThrownBy(() -> StoredBitmaps.read(io))
                        .as("%d at %d", one[1], one[0])
                        .isInstanceOf(ImageException.class);
                assertThat(ChainCheck.run(io).findings())
                        .anyMatch(finding -> finding instanceof org.tidemark.ploop.check.Finding.ExtensionFault);
            }
        }
    }
}
