package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Reads and stores what persistent bitmaps say: bit {@code n} is bit {@code n % 8} of byte {@code n / 8} and stands for one
 * granule of the disk. A bitmap lies in whole clusters, each named by an entry of its table: an offset, 0 for all zeros, 1
 * for all ones.
 */
public final class BitmapContent {
    private BitmapContent() {}

    /** Receives a range of the disk whose granules are set. */
    @FunctionalInterface
    public interface RangeVisitor {
        void range(long offsetBytes, long lengthBytes) throws IOException;
    }

    /**
     * Visits what is set, in ascending order, adjoining granules as one.
     *
     * @throws ImageException of kind SUSPECT when the bitmap was not stored by whoever changed the disk last
     */
    public static void ranges(ImageIo io, Qcow2Header header, Bitmap bitmap, RangeVisitor visitor) throws IOException {
        if (bitmap.inUse()) {
            throw new ImageException(
                    ImageException.Kind.SUSPECT,
                    io.name() + ": the bitmap '" + bitmap.name()
                            + "' was not stored by whoever changed the disk last; what it says is not to be believed");
        }
        visit(io, header, bitmap, visitor);
    }

    /** Of a bitmap that is marked in use: what it said before its image was opened for writing. */
    public static BitSet bitsBefore(ImageIo io, Qcow2Header header, Bitmap bitmap) throws IOException {
        BitSet bits = new BitSet();
        visit(io, header, bitmap, (offset, length) -> {
            int first = (int) (offset >>> bitmap.granularityBits());
            bits.set(first, (int) ((offset + length - 1) >>> bitmap.granularityBits()) + 1);
        });
        return bits;
    }

    private static void visit(ImageIo io, Qcow2Header header, Bitmap bitmap, RangeVisitor visitor) throws IOException {
        int clusterBytes = header.clusterSizeBytes();
        long bits = ((header.diskSizeBytes() - 1) >>> bitmap.granularityBits()) + 1;
        if (bits > Integer.MAX_VALUE) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": the bitmap '" + bitmap.name() + "' has " + bits + " bits, more than are read");
        }
        long needed = (bits - 1) / (clusterBytes * 8L) + 1;
        if (Integer.toUnsignedLong(bitmap.tableEntries()) != needed) {
            throw Bitmap.damaged(
                    io,
                    "the bitmap '" + bitmap.name() + "' has a table of "
                            + Integer.toUnsignedString(bitmap.tableEntries()) + " entries, the disk needs " + needed);
        }
        AlignedBuffer word = AlignedBuffer.allocate(8);
        AlignedBuffer cluster = AlignedBuffer.allocate(clusterBytes);
        Joiner joiner = new Joiner(header.diskSizeBytes(), bitmap.granularityBits(), visitor);
        for (long i = 0; i < needed; i++) {
            io.read(bitmap.tableOffset() + i * 8, word, 0, 8);
            long entry = Long.reverseBytes(word.getLong(0));
            long first = i * clusterBytes * 8;
            long count = Math.min(clusterBytes * 8L, bits - first);
            if (entry == 1) {
                joiner.set(first, count);
            } else if (entry != 0) {
                if (entry < 0 || entry % clusterBytes != 0 || entry >= io.size()) {
                    throw Bitmap.damaged(
                            io, "entry " + i + " of the bitmap '" + bitmap.name() + "' is " + Long.toHexString(entry));
                }
                io.read(entry, cluster, 0, clusterBytes);
                for (int bit = 0; bit < count; bit++) {
                    if (((cluster.bytes().get(bit >>> 3) >>> (bit & 7)) & 1) != 0) {
                        joiner.set(first + bit, 1);
                    }
                }
            }
        }
        joiner.finish();
    }

    private static final class Joiner {
        private final long diskBytes;
        private final int bits;
        private final RangeVisitor visitor;
        private long from;
        private long until;

        Joiner(long diskBytes, int bits, RangeVisitor visitor) {
            this.diskBytes = diskBytes;
            this.bits = bits;
            this.visitor = visitor;
        }

        void set(long first, long count) throws IOException {
            if (first != until) {
                finish();
                from = first;
            }
            until = first + count;
        }

        void finish() throws IOException {
            if (until > from) {
                long offset = from << bits;
                visitor.range(offset, Math.min(until << bits, diskBytes) - offset);
            }
        }
    }

    /** Tells which granules are set. */
    @FunctionalInterface
    public interface Granules {
        boolean isSet(long granule);
    }

    /**
     * Stores a bitmap, in the place of one of the same name if there is one. Durable on return. Nobody else has the image
     * open.
     *
     * <pre>
     *   bits and table | new directory, durable | header extension names it, durable | old directory and old bitmap let go
     *   crash before the extension: the bitmaps are what they were; after it: they are the new ones; leaked clusters at worst
     * </pre>
     *
     * @param flags {@link Bitmap#AUTO} or 0
     */
    public static void store(ImageIo io, String name, int granularityBits, int flags, Granules granules)
            throws IOException {
        store(io, AllocationCursor.transientCursor(), name, granularityBits, flags, granules);
    }

    /** The same, with the allocation cursor of the device that just let go of the image: a successor finds it there. */
    public static void store(
            ImageIo io, AllocationCursor cursor, String name, int granularityBits, int flags, Granules granules)
            throws IOException {
        new BitmapStore(io, Editing.begin(io, cursor)).store(name, granularityBits, flags, granules);
    }

    /** Removes a bitmap; durable on return. Nobody else has the image open. Throws INVALID_REQUEST when there is none. */
    public static void remove(ImageIo io, String name) throws IOException {
        new BitmapStore(io, Editing.begin(io)).remove(name);
    }

    /** The bitmap of a name. */
    static Optional<Bitmap> find(List<Bitmap> all, String name) {
        return all.stream().filter(one -> one.name().equals(name)).findFirst();
    }

    /** The directory entries of bitmaps, one after the other. */
    static byte[] directory(List<Bitmap> bitmaps) {
        List<byte[]> entries = new ArrayList<>();
        int total = 0;
        for (Bitmap bitmap : bitmaps) {
            byte[] name = bitmap.name().getBytes(StandardCharsets.UTF_8);
            byte[] entry = new byte[(Bitmap.FIXED_BYTES + name.length + 7) & -8];
            java.nio.ByteBuffer.wrap(entry)
                    .putLong(0, bitmap.tableOffset())
                    .putInt(8, bitmap.tableEntries())
                    .putInt(12, bitmap.flags())
                    .put(16, (byte) bitmap.type())
                    .put(17, (byte) bitmap.granularityBits())
                    .putShort(18, (short) name.length)
                    .put(Bitmap.FIXED_BYTES, name);
            entries.add(entry);
            total += entry.length;
        }
        byte[] all = new byte[total];
        int at = 0;
        for (byte[] entry : entries) {
            System.arraycopy(entry, 0, all, at, entry.length);
            at += entry.length;
        }
        return all;
    }
}
