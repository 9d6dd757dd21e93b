package org.tidemark.ploop.format.qcow2;

/**
 * One L2 entry: where a cluster of the disk lies. Standard entries have 64 bits; extended ones have 64 more, one bit
 * "allocated" (low half) and one bit "reads as zeros" (high half) for each of 32 subclusters.
 *
 * <pre>
 *   bit 63      COPIED: this is the only reference, the cluster may be overwritten
 *   bit 62      compressed; then bits 0..x-1 offset in bytes, x..61 number of further sectors, x = 70 - cluster bits
 *   bits 9..55  offset in the file, whole clusters
 *   bit 0       reads as zeros (version 3, standard entries)
 * </pre>
 */
final class L2Entry {
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    static final long ZERO = 1;
    static final long OFFSET = 0x00FFFFFFFFFFFE00L;
    static final int SUBCLUSTERS = 32;

    /** Bitmap of a cluster all of whose subclusters are allocated, or all of which read as zeros. */
    static final long ALL_ALLOCATED = 0x00000000FFFFFFFFL;

    static final long ALL_ZERO = 0xFFFFFFFF00000000L;

    private static final long RESERVED = ~(COPIED | COMPRESSED | OFFSET | ZERO);

    private L2Entry() {}

    /** What an entry means. */
    enum Meaning {
        /** The backing file's content, or zeros. */
        UNALLOCATED,
        /** Zeros; the entry may name a cluster that is kept for later. */
        ZEROS,
        /** A cluster of the file. */
        PLAIN,
        COMPRESSED,
        /** Some subclusters here, some zero, some in the backing file. */
        PARTIAL
    }

    /** @param zeroFlag whether bit 0 has a meaning (version 3) */
    static Meaning standard(long entry, boolean zeroFlag, boolean externalData) {
        if ((entry & COMPRESSED) != 0) {
            return Meaning.COMPRESSED;
        }
        if (zeroFlag && (entry & ZERO) != 0) {
            return Meaning.ZEROS;
        }
        if (isPlaced(entry, externalData)) {
            return Meaning.PLAIN;
        }
        return Meaning.UNALLOCATED;
    }

    static Meaning extended(long entry, long bitmap, boolean externalData) {
        if ((entry & COMPRESSED) != 0) {
            return Meaning.COMPRESSED;
        }
        if ((bitmap & ALL_ZERO) == ALL_ZERO) {
            return Meaning.ZEROS;
        }
        boolean placed = isPlaced(entry, externalData);
        if (bitmap == ALL_ALLOCATED && placed) {
            return Meaning.PLAIN;
        }
        return !placed && bitmap == 0 ? Meaning.UNALLOCATED : Meaning.PARTIAL;
    }

    /** Whether the cluster has a place; of a data file byte 0 is one, and only the other flag tells it from none. */
    static boolean isPlaced(long entry, boolean externalData) {
        return (entry & OFFSET) != 0 || (externalData && (entry & COPIED) != 0);
    }

    static long offset(long entry) {
        return entry & OFFSET;
    }

    /** Whether a bit is set that no version gives a meaning. */
    static boolean hasReservedBits(long entry) {
        return (entry & COMPRESSED) == 0 && (entry & RESERVED) != 0;
    }

    static long compressedOffset(long entry, int clusterBits) {
        return entry & ((1L << (70 - clusterBits)) - 1);
    }

    /** Bytes from the offset to the end of the last sector; the compressed data may end before. */
    static int compressedBytes(long entry, int clusterBits) {
        int sectors = (int) ((entry & (COMPRESSED - 1)) >>> (70 - clusterBits)) + 1;
        return sectors * 512 - (int) (compressedOffset(entry, clusterBits) & 511);
    }
}
