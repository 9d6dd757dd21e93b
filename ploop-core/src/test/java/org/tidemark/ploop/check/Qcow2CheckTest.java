package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Each kind of damage, planted, is found and called by its name; the golden images themselves are sound. */
class Qcow2CheckTest {
    private static final long COPIED = 1L << 63;
    private static final long OFFSET = 0x00FFFFFFFFFFFE00L;

    private static List<Finding> findings(String golden, Consumer<ByteBuffer> damage) throws IOException {
        byte[] bytes = Golden.unpacked(golden + ".qcow2");
        damage.accept(ByteBuffer.wrap(bytes));
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create("image")) {
            io.write(0, TestBytes.buffer(bytes), 0, bytes.length);
            return ChainCheck.run(io).findings();
        }
    }

    private static void assertFound(String golden, Consumer<ByteBuffer> damage, Class<? extends Finding> kind)
            throws IOException {
        assertThat(findings(golden, b -> {})).isEmpty();
        assertThat(findings(golden, damage)).hasAtLeastOneElementOfType(kind);
    }

    private static int l1(ByteBuffer b) {
        return (int) b.getLong(40);
    }

    private static int l2(ByteBuffer b) {
        return (int) (b.getLong(l1(b)) & OFFSET);
    }

    private static int block(ByteBuffer b) {
        return (int) b.getLong((int) b.getLong(48));
    }

    private static int clusterBits(ByteBuffer b) {
        return b.getInt(20);
    }

    /** Sets the 16-bit count of a cluster. */
    private static void count(ByteBuffer b, long cluster, int count) {
        b.putShort(block(b) + (int) cluster * 2, (short) count);
    }

    @Test
    void countsThatAreWrong() throws IOException {
        assertFound("v3-bitmaps", b -> count(b, 0, 0), Finding.RefcountTooLow.class);
        assertFound("v3-bitmaps", b -> count(b, l2(b) >>> clusterBits(b), 0), Finding.RefcountTooLow.class);
        assertFound("v3-bitmaps", b -> count(b, l2(b) >>> clusterBits(b), 2), Finding.LeakedClusters.class);
        assertFound("v3-bitmaps", b -> count(b, 900, 1), Finding.LeakedClusters.class);
        assertFound("v2-snapshots", b -> count(b, b.getLong(64) >>> clusterBits(b), 0), Finding.RefcountTooLow.class);
    }

    @Test
    void entriesThatPointNowhere() throws IOException {
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), COPIED | 1L << 40), Finding.BrokenEntry.class);
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), b.getLong(l2(b)) + 512), Finding.BrokenEntry.class);
        assertFound("v3-bitmaps", b -> b.putLong(l1(b), COPIED | 1L << 40), Finding.BrokenEntry.class);
        assertFound("v3-bitmaps", b -> b.putLong(l1(b), b.getLong(l1(b)) | 1), Finding.BrokenEntry.class);
        assertFound("v3-bitmaps", b -> b.putLong((int) b.getLong(48) + 8, 1L << 40), Finding.BrokenEntry.class);
        assertFound("v3-zlib", b -> b.putLong(l2(b) + 16, 1L << 62 | 1L << 40), Finding.BrokenEntry.class);
        assertFound(
                "v3-subclusters-on-v3-zlib", b -> b.putLong(l2(b) + 8, 0x0000000100000001L), Finding.BrokenEntry.class);
        assertFound("v2-snapshots", b -> b.putLong(l2(b), b.getLong(l2(b)) | 1), Finding.BrokenEntry.class);
    }

    @Test
    void tablesThatOverlap() throws IOException {
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), COPIED | l1(b)), Finding.Overlap.class);
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), COPIED | block(b)), Finding.Overlap.class);
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), COPIED | l2(b)), Finding.Overlap.class);
        assertFound("v3-bitmaps", b -> b.putLong(40, b.getLong(48)), Finding.Overlap.class);
    }

    @Test
    void entriesThatAreWrongAboutBeingTheOnlyOne() throws IOException {
        assertFound("v3-bitmaps", b -> b.putLong(l2(b), b.getLong(l2(b)) & ~COPIED), Finding.CopiedMismatch.class);
        assertFound("v2-snapshots", b -> b.putLong(l2(b), b.getLong(l2(b)) | COPIED), Finding.CopiedMismatch.class);
        assertFound("v3-bitmaps", b -> b.putLong(l1(b), b.getLong(l1(b)) & ~COPIED), Finding.CopiedMismatch.class);
        // Two places of the disk in one cluster of the file.
        assertFound("v3-bitmaps", b -> b.putLong(l2(b) + 8, b.getLong(l2(b))), Finding.RefcountTooLow.class);
    }

    @Test
    void listsThatCannotBeRead() throws IOException {
        assertFound("v2-snapshots", b -> b.putInt((int) b.getLong(64) + 36, 5000), Finding.UnreadableTable.class);
        assertFound("v2-snapshots", b -> b.putLong((int) b.getLong(64), 1L << 40), Finding.BrokenEntry.class);
        assertFound("v3-bitmaps", b -> b.putLong(bitmapDirectory(b), 1L << 40), Finding.UnreadableTable.class);
        assertFound("v3-bitmaps", b -> b.putInt(bitmapDirectory(b) + 12, 3), Finding.BitmapNotStored.class);
    }

    private static int bitmapDirectory(ByteBuffer b) {
        int at = b.getInt(100);
        while (b.getInt(at) != 0x23852875) {
            at += 8 + (b.getInt(at + 4) + 7 & -8);
        }
        return (int) b.getLong(at + 8 + 16);
    }

    @Test
    void marks() throws IOException {
        assertFound("v3-bitmaps", b -> b.putLong(72, 1), Finding.MarkedInUse.class);
        assertFound("v3-bitmaps", b -> b.putLong(72, 2), Finding.MarkedCorrupt.class);
    }
}
