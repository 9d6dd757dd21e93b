package org.tidemark.ploop.format.expanded;

import java.lang.invoke.VarHandle;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The clusters before the end of the file that nothing names, one bit each, in memory that outlives the process. A cluster
 * leaves the set before it is handed out: a process killed between the two leaks it until the image is opened anew.
 *
 * <pre>
 *    0  u64 what is known: 0 nothing, 1 begun, 2 all free clusters are in the set
 *   64  bits, cluster 0 first, lowest bit of a word first
 * </pre>
 *
 * <p>Clusters from {@link #MAX_CLUSTERS} on are never in the set. Not synchronised.
 */
final class FreeClusters {
    /** 16 MiB of bits: 128 TiB of file at 1 MiB a cluster, 4 TiB at 32 KiB. What lies behind is not handed out again. */
    static final long MAX_CLUSTERS = 1L << 27;

    private static final int BITS = 64;
    private static final long UNKNOWN = 0;
    private static final long BEGUN = 1;
    private static final long KNOWN = 2;

    private final AlignedBuffer memory;
    private final long limit;
    private long count;
    /** No cluster below is in the set. */
    private long hint;

    /** Bytes of memory for an image whose file has at most that many clusters in the end. */
    static int bytesFor(long clusters) {
        return (int) (BITS + (Math.min(clusters, MAX_CLUSTERS) + 63) / 64 * 8);
    }

    /** What a predecessor left, or nothing. */
    FreeClusters(AlignedBuffer memory, int sizeBytes) {
        this.memory = memory;
        this.limit = (sizeBytes - BITS) * 8L;
        if (memory.getLong(0) == KNOWN) {
            for (int at = BITS; at < sizeBytes; at += 8) {
                count += Long.bitCount(memory.getLong(at));
            }
        }
    }

    /** The image was opened by nobody before us: whatever the memory holds is of another life. */
    void begin() {
        if (memory.getLong(0) != UNKNOWN) {
            clear();
        }
        memory.putLong(0, BEGUN);
    }

    /** Whether every cluster handed out since {@link #begin} is known to us: only then may the table be searched. */
    boolean begun() {
        return memory.getLong(0) == BEGUN;
    }

    boolean known() {
        return memory.getLong(0) == KNOWN;
    }

    void setKnown() {
        VarHandle.releaseFence();
        memory.putLong(0, KNOWN);
    }

    void clear() {
        memory.zero(BITS, (int) (limit / 8));
        count = 0;
        hint = 0;
    }

    /** The end of the numbers that can be in the set. */
    long limit() {
        return limit;
    }

    long count() {
        return count;
    }

    void add(long cluster) {
        if (cluster < limit && !contains(cluster)) {
            int at = word(cluster);
            memory.putLong(at, memory.getLong(at) | 1L << cluster);
            count++;
            hint = Math.min(hint, cluster);
        }
    }

    boolean contains(long cluster) {
        return cluster < limit && (memory.getLong(word(cluster)) & 1L << cluster) != 0;
    }

    void remove(long cluster) {
        if (contains(cluster)) {
            int at = word(cluster);
            memory.putLong(at, memory.getLong(at) & ~(1L << cluster));
            count--;
        }
    }

    /** Takes the lowest cluster out of the set; -1 when it is empty. */
    long takeLowest() {
        if (count == 0) {
            return -1;
        }
        long cluster = next(hint);
        if (cluster < 0) {
            throw new IllegalStateException("the number of free clusters does not agree with their set");
        }
        remove(cluster);
        VarHandle.releaseFence();
        hint = cluster;
        return cluster;
    }

    /** The lowest cluster in the set that is not below {@code from}; -1 when there is none. */
    long next(long from) {
        for (long at = from; at < limit; at = (at / 64 + 1) * 64) {
            long bits = memory.getLong(word(at)) >>> at;
            if (bits != 0) {
                return at + Long.numberOfTrailingZeros(bits);
            }
        }
        return -1;
    }

    /** Turns the set of used clusters from {@code first} to {@code end} into that of free ones. */
    void invert(long first, long end) {
        long until = Math.min(end, limit);
        for (long cluster = 0; cluster < Math.min(first, until); cluster++) {
            remove(cluster);
        }
        for (long cluster = first; cluster < until; ) {
            if (cluster % 64 == 0 && until - cluster >= 64) {
                int at = word(cluster);
                memory.putLong(at, ~memory.getLong(at));
                cluster += 64;
            } else {
                int at = word(cluster);
                memory.putLong(at, memory.getLong(at) ^ 1L << cluster);
                cluster++;
            }
        }
        count = 0;
        for (long at = 0; at < limit; at += 64) {
            count += Long.bitCount(memory.getLong(word(at)));
        }
        hint = 0;
    }

    private static int word(long cluster) {
        return BITS + (int) (cluster / 64) * 8;
    }
}
