package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The reference counts of the file's clusters, as they lie in the file: a table that names refcount blocks, and blocks of
 * counts of 1 to 64 bits. Counts of 8 bits and more are big-endian; smaller ones fill a byte from its lowest bit.
 *
 * <p>Not synchronised: {@link HostClusters} is its only user while an image is written.
 */
public final class RefcountTable {
    /** Counts that are read or written at once. */
    private static final int PIECE_BYTES = 8192;

    private static final long TABLE_RESERVED = 511;

    private final ImageIo io;
    private final Qcow2Header header;
    private final AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
    private final long maxCount;
    private long tableOffset;
    private long entries;
    private long knownIndex = -1;
    private long knownBlock;

    public RefcountTable(ImageIo io, Qcow2Header header) {
        this.io = io;
        this.header = header;
        this.tableOffset = header.refcountTableOffset();
        this.entries = ((long) header.refcountTableClusters() << header.clusterBits()) / 8;
        this.maxCount = header.refcountBits() == 64 ? Long.MAX_VALUE : (1L << header.refcountBits()) - 1;
    }

    long tableOffset() {
        return tableOffset;
    }

    /** Blocks that the table can name. */
    long entries() {
        return entries;
    }

    long maxCount() {
        return maxCount;
    }

    long blockIndex(long hostCluster) {
        return hostCluster / header.refcountBlockEntries();
    }

    /** The offset of block {@code index}, or 0 when there is none: then all its counts are 0. */
    long block(long index) throws IOException {
        if (index >= entries) {
            return 0;
        }
        if (index != knownIndex) {
            io.read(tableOffset + index * 8, piece, 0, 8);
            long entry = Long.reverseBytes(piece.getLong(0));
            if ((entry & TABLE_RESERVED) != 0 || entry % header.clusterSizeBytes() != 0 || entry < 0) {
                throw damaged("entry " + index + " of the refcount table is " + Long.toHexString(entry));
            }
            knownBlock = entry;
            knownIndex = index;
        }
        return knownBlock;
    }

    /** Names a block that is durable. */
    void setBlock(long index, long blockOffset) throws IOException {
        piece.putLong(0, Long.reverseBytes(blockOffset));
        io.write(tableOffset + index * 8, piece, 0, 8);
        knownIndex = index;
        knownBlock = blockOffset;
    }

    /** The table lies elsewhere from now on; the header says so already. */
    void moved(long newTableOffset, long newEntries) {
        tableOffset = newTableOffset;
        entries = newEntries;
        knownIndex = -1;
    }

    long get(long hostCluster) throws IOException {
        long block = block(blockIndex(hostCluster));
        if (block == 0) {
            return 0;
        }
        long bit = hostCluster % header.refcountBlockEntries() * header.refcountBits();
        int bytes = Math.max(1, header.refcountBits() / 8);
        io.read(block + bit / 8, piece, 0, bytes);
        return countAt(piece, 0, (int) (bit % 8), header.refcountBits());
    }

    /** Reads a count from memory; {@code bits} tells its width, {@code bitInByte} its place when narrower than a byte. */
    static long countAt(AlignedBuffer buffer, int at, int bitInByte, int bits) {
        return switch (bits) {
            case 8 -> buffer.bytes().get(at) & 0xFFL;
            case 16 -> Short.toUnsignedLong(Short.reverseBytes(buffer.bytes().getShort(at)));
            case 32 -> Integer.toUnsignedLong(Integer.reverseBytes(buffer.getInt(at)));
            case 64 -> Long.reverseBytes(buffer.getLong(at));
            default -> ((buffer.bytes().get(at) & 0xFF) >>> bitInByte) & ((1 << bits) - 1);
        };
    }

    static void putCount(AlignedBuffer buffer, int at, int bitInByte, int bits, long count) {
        switch (bits) {
            case 8 -> buffer.bytes().put(at, (byte) count);
            case 16 -> buffer.bytes().putShort(at, Short.reverseBytes((short) count));
            case 32 -> buffer.putInt(at, Integer.reverseBytes((int) count));
            case 64 -> buffer.putLong(at, Long.reverseBytes(count));
            default -> {
                int mask = ((1 << bits) - 1) << bitInByte;
                int old = buffer.bytes().get(at);
                buffer.bytes().put(at, (byte) ((old & ~mask) | (((int) count << bitInByte) & mask)));
            }
        }
    }

    /** Sets the counts of clusters {@code [from, until)}, all in one block that is there. */
    void set(long from, long until, long count) throws IOException {
        if (count > maxCount) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": a cluster would be referred to " + count + " times, more than "
                            + header.refcountBits() + " bits can count");
        }
        int bits = header.refcountBits();
        long perPiece = PIECE_BYTES * 8L / bits;
        long block = block(blockIndex(from));
        if (block == 0) {
            // It was there when the cluster was claimed: in a damaged image a table may lie where another is written.
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": cluster " + from
                            + " of the file has lost its refcount block. Detach the image and run" + " image check");
        }
        for (long at = from; at < until; ) {
            long index = at % header.refcountBlockEntries();
            long next = Math.min(until, at + perPiece - index % perPiece);
            int firstBit = (int) (index * bits % 8);
            long firstByte = index * bits / 8;
            int bytes = (int) ((firstBit + (next - at) * bits + 7) / 8);
            if (bits < 8) {
                io.read(block + firstByte, piece, 0, bytes);
            }
            for (int i = 0; i < next - at; i++) {
                int bit = firstBit + i * bits;
                putCount(piece, bit / 8, bit % 8, bits, count);
            }
            io.write(block + firstByte, piece, 0, bytes);
            at = next;
        }
    }

    /**
     * Puts the clusters of {@code [from, until)} whose count is 0 into {@code dst} and tells how many; all are in one
     * block that is there, and no more than fit. Cluster 0, the header, is never one of them.
     */
    int findZeros(long from, long until, long[] dst) throws IOException {
        int bits = header.refcountBits();
        long block = block(blockIndex(from));
        int found = 0;
        long index = from % header.refcountBlockEntries();
        int firstBit = (int) (index * bits % 8);
        int bytes = (int) ((firstBit + (until - from) * bits + 7) / 8);
        io.read(block + index * bits / 8, piece, 0, bytes);
        for (int i = 0; i < until - from; i++) {
            int bit = firstBit + i * bits;
            if (countAt(piece, bit / 8, bit % 8, bits) == 0 && from + i > 0) {
                dst[found++] = from + i;
            }
        }
        return found;
    }

    /** Receives a count. */
    @FunctionalInterface
    public interface CountVisitor {
        void count(long hostCluster, long count) throws IOException;
    }

    /** Visits the counts of clusters {@code [from, until)}; those without a block are 0. */
    public void visit(long from, long until, CountVisitor visitor) throws IOException {
        int bits = header.refcountBits();
        AlignedBuffer some = AlignedBuffer.allocate(PIECE_BYTES);
        long perPiece = Math.min(PIECE_BYTES * 8L / bits, header.refcountBlockEntries());
        for (long at = from; at < until; ) {
            long index = at % header.refcountBlockEntries();
            long next = Math.min(until, at + perPiece - index % perPiece);
            long block = block(blockIndex(at));
            int firstBit = (int) (index * bits % 8);
            if (block != 0) {
                io.read(block + index * bits / 8, some, 0, (int) ((firstBit + (next - at) * bits + 7) / 8));
            }
            for (int i = 0; i < next - at; i++) {
                int bit = firstBit + i * bits;
                visitor.count(at + i, block == 0 ? 0 : countAt(some, bit / 8, bit % 8, bits));
            }
            at = next;
        }
    }

    /** The cluster after the last one whose count is not 0. */
    public long end() throws IOException {
        long perBlock = header.refcountBlockEntries();
        for (long index = entries - 1; index >= 0; index--) {
            long block = block(index);
            if (block == 0) {
                continue;
            }
            int length = Math.min(PIECE_BYTES, header.clusterSizeBytes());
            for (int at = header.clusterSizeBytes() - length; at >= 0; at -= length) {
                io.read(block + at, piece, 0, length);
                if (piece.isZero(0, length)) {
                    continue;
                }
                int count = (int) (length * 8L / header.refcountBits());
                for (int i = count - 1; i >= 0; i--) {
                    int bit = i * header.refcountBits();
                    if (countAt(piece, bit / 8, bit % 8, header.refcountBits()) != 0) {
                        return index * perBlock + at * 8L / header.refcountBits() + i + 1;
                    }
                }
            }
        }
        return 0;
    }

    private ImageException damaged(String what) {
        return new ImageException(ImageException.Kind.DAMAGED, io.name() + ": " + what + ". Run image check");
    }
}
