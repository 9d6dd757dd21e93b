package org.tidemark.ploop.device.cbt;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a backup asks of the tracker: the changes between two checkpoints of one disk. Whatever is written, committed or
 * given up later, it never loses a change; at worst, when its consumer went on without it, it says that more changed.
 */
public final class Interval {
    private final @Nullable Checkpoint start;
    private final Checkpoint end;
    private final String reason;
    private final long diskSizeBytes;
    private final List<BitmapGeneration> generations;

    Interval(
            @Nullable Checkpoint start,
            Checkpoint end,
            String reason,
            long diskSizeBytes,
            List<BitmapGeneration> generations) {
        this.start = start;
        this.end = end;
        this.reason = reason;
        this.diskSizeBytes = diskSizeBytes;
        this.generations = List.copyOf(generations);
    }

    /** Everything, on a disk whose changes nobody tracks. */
    public static Interval full(Checkpoint end, long diskSizeBytes) {
        return new Interval(null, end, "changes of this device are not tracked", diskSizeBytes, List.of());
    }

    /** Where the changes begin, or null: the tracker does not know, everything must be read. */
    public @Nullable Checkpoint start() {
        return start;
    }

    /** Where they end: the instant of the view. */
    public Checkpoint end() {
        return end;
    }

    /** Whether everything must be read. */
    public boolean isFull() {
        return start == null;
    }

    /** Why everything must be read, in words; empty otherwise. */
    public String reason() {
        return reason;
    }

    /** Whether anything in the range may have changed; always true when {@link #isFull}. */
    public boolean mayHaveChanged(long offsetBytes, long lengthBytes) {
        if (start == null) {
            return true;
        }
        for (BitmapGeneration generation : generations) {
            if (anyMarked(generation, offsetBytes, lengthBytes)) {
                return true;
            }
        }
        return false;
    }

    /** Visits the changed ranges within a range, ascending, joined, in units of 4 KiB clipped to the disk. */
    public void visit(long offsetBytes, long lengthBytes, ChangeVisitor visitor) {
        long end0 = offsetBytes + lengthBytes;
        if (start == null) {
            visitor.changed(offsetBytes, lengthBytes);
            return;
        }
        long granule = offsetBytes >>> BitmapGeneration.GRANULE_SHIFT;
        long last = (end0 - 1) >>> BitmapGeneration.GRANULE_SHIFT;
        while (granule <= last) {
            long first = nextMarked(granule, last);
            if (first < 0) {
                return;
            }
            long beyond = nextClear(first, last);
            long from = Math.max(first << BitmapGeneration.GRANULE_SHIFT, offsetBytes);
            long to = Math.min(beyond << BitmapGeneration.GRANULE_SHIFT, end0);
            visitor.changed(from, to - from);
            granule = beyond;
        }
    }

    /** Bytes that changed, in units of 4 KiB; the disk's size when {@link #isFull}. */
    public long changedBytes() {
        long[] sum = new long[1];
        visit(0, diskSizeBytes, (offset, length) -> sum[0] += length);
        return sum[0];
    }

    private long nextMarked(long from, long last) {
        long nearest = -1;
        for (BitmapGeneration generation : generations) {
            long found = nextMarked(generation, from, nearest < 0 ? last : nearest);
            if (found >= 0) {
                nearest = found;
            }
        }
        return nearest;
    }

    private long nextClear(long from, long last) {
        long granule = from;
        while (granule <= last) {
            long bits = 0;
            for (BitmapGeneration generation : generations) {
                bits |= word(generation, granule >>> 6);
            }
            long clear = ~bits >>> (granule & 63);
            if (clear != 0) {
                return Math.min(granule + Long.numberOfTrailingZeros(clear), last + 1);
            }
            granule = (granule | 63) + 1;
        }
        return last + 1;
    }

    // What was read counts only if the memory was not taken away meanwhile; bits that are lost count as set.

    private static boolean anyMarked(BitmapGeneration generation, long offsetBytes, long lengthBytes) {
        while (true) {
            BitmapGeneration holder = generation.holder();
            boolean marked = holder == null || holder.anyMarked(offsetBytes, lengthBytes);
            if (holder == null || !holder.isGone()) {
                return marked;
            }
        }
    }

    private static long nextMarked(BitmapGeneration generation, long from, long last) {
        while (true) {
            BitmapGeneration holder = generation.holder();
            long found = holder == null ? from : holder.nextMarked(from, last);
            if (holder == null || !holder.isGone()) {
                return found;
            }
        }
    }

    private static long word(BitmapGeneration generation, long index) {
        while (true) {
            BitmapGeneration holder = generation.holder();
            long bits = holder == null ? -1L : holder.word(index);
            if (holder == null || !holder.isGone()) {
                return bits;
            }
        }
    }

    /** Receives one changed range. */
    @FunctionalInterface
    public interface ChangeVisitor {
        void changed(long offsetBytes, long lengthBytes);
    }
}
