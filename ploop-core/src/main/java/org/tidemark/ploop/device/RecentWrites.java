package org.tidemark.ploop.device;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which parts of a disk were written since a copier last took them: for copying a disk that is being written to. A writer
 * adds after it wrote, a copier takes before it reads; so what a copier read is either what was written last, or will be
 * taken once more. Any number of threads may add; allocates nothing. One bit for a granule, at most 1 MiB of bits.
 */
public final class RecentWrites {
    private static final int MIN_GRANULE_SHIFT = 16;
    private static final long MAX_GRANULES = 8L << 20;

    private final int granuleShift;
    private final long granules;
    private final AtomicLongArray bits;

    RecentWrites(long diskSizeBytes) {
        int shift = MIN_GRANULE_SHIFT;
        while (((diskSizeBytes - 1) >>> shift) + 1 > MAX_GRANULES) {
            shift++;
        }
        this.granuleShift = shift;
        this.granules = ((diskSizeBytes - 1) >>> shift) + 1;
        this.bits = new AtomicLongArray((int) ((granules + 63) >>> 6));
    }

    private RecentWrites(int granuleShift, long granules) {
        this.granuleShift = granuleShift;
        this.granules = granules;
        this.bits = new AtomicLongArray((int) ((granules + 63) >>> 6));
    }

    void add(long offsetBytes, long lengthBytes) {
        if (lengthBytes <= 0) {
            return;
        }
        long last = (offsetBytes + lengthBytes - 1) >>> granuleShift;
        for (long granule = offsetBytes >>> granuleShift; granule <= last; granule++) {
            int word = (int) (granule >>> 6);
            long bit = 1L << (granule & 63);
            long seen = bits.get(word);
            while ((seen & bit) == 0 && !bits.compareAndSet(word, seen, seen | bit)) {
                seen = bits.get(word);
            }
        }
    }

    /** What was written until now; from here on nothing counts as written. Whoever takes reads the disk after that. */
    public RecentWrites take() {
        RecentWrites taken = new RecentWrites(granuleShift, granules);
        for (int word = 0; word < bits.length(); word++) {
            taken.bits.set(word, bits.getAndSet(word, 0));
        }
        return taken;
    }

    /** Whether anything in the range was written and not taken. */
    public boolean any(long offsetBytes, long lengthBytes) {
        long last = Math.min((offsetBytes + lengthBytes - 1) >>> granuleShift, granules - 1);
        for (long granule = offsetBytes >>> granuleShift; granule <= last; granule++) {
            if ((bits.get((int) (granule >>> 6)) & (1L << (granule & 63))) != 0) {
                return true;
            }
        }
        return false;
    }

    /** Bytes that were written and not taken, in whole granules. */
    public long waitingBytes() {
        long count = 0;
        for (int word = 0; word < bits.length(); word++) {
            count += Long.bitCount(bits.get(word));
        }
        return count << granuleShift;
    }

    /** The unit of knowing, in bytes; a power of two, at least 64 KiB. */
    public int granuleBytes() {
        return 1 << granuleShift;
    }
}
