package org.tidemark.ploop.device.tracker;

import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.WriteObserver;

/**
 * Remembers which parts of a file changed, 4 KiB each, until they are cleared.
 *
 * <pre>
 * region "writes", little-endian
 *   0     u64 end of the highest granule that was ever marked, in granules
 *   8     u64 not 0: something was changed that cannot be remembered; the copy must begin anew
 *   4096  bits, the lowest first
 * </pre>
 *
 * <p>Safe for any number of threads; {@link #changed} waits for nobody and allocates nothing.
 */
public final class WriteTracker implements WriteObserver, Closeable {
    /** What one bit stands for. */
    public static final int GRANULE_BYTES = 1 << WriteTracker.GRANULE_SHIFT;

    static final int GRANULE_SHIFT = 12;
    static final String REGION = "writes";

    private static final int HIGHEST_AT = 0;
    private static final int BROKEN_AT = 8;
    private static final int BITS_AT = 4096;
    private static final long MAX_BITS_BYTES = 1L << 30;
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final StateArea area;
    private final ByteBuffer bytes;
    private final long granules;

    private WriteTracker(StateArea area, long limitBytes) throws IOException {
        int bitsBytes = bitsBytes(limitBytes);
        this.area = area;
        this.bytes = area.region(REGION, BITS_AT + bitsBytes).bytes();
        this.granules = (long) bitsBytes << 3;
    }

    /**
     * Begins with nothing marked.
     *
     * @param limitBytes how long the file may become; a change beyond it {@link #broken breaks} the tracker
     */
    public static WriteTracker begin(StateArea area, long limitBytes) throws IOException {
        if (area.exists(REGION)) {
            area.drop(REGION);
        }
        return new WriteTracker(area, limitBytes);
    }

    /** Goes on with what a killed process left; {@code limitBytes} is the same. */
    public static WriteTracker resume(StateArea area, long limitBytes) throws IOException {
        return new WriteTracker(area, limitBytes);
    }

    /** Whether a killed process left one. */
    public static boolean isIn(StateArea area) {
        return area.exists(REGION);
    }

    private static int bitsBytes(long limitBytes) {
        long bits = (limitBytes + GRANULE_BYTES - 1) >>> GRANULE_SHIFT;
        return (int) Math.min(MAX_BITS_BYTES, (((bits + 7) >>> 3) + 4095) & -4096L);
    }

    @Override
    public void changed(long position, long length) {
        long first = position >>> GRANULE_SHIFT;
        long last = (position + length - 1) >>> GRANULE_SHIFT;
        if (last >= granules) {
            WORD.setVolatile(bytes, BROKEN_AT, 1L);
            last = granules - 1;
        }
        if (first > last) {
            return;
        }
        raiseHighest(last + 1);
        for (long word = first >>> 6; word <= last >>> 6; word++) {
            long bits = mask(word, first, last);
            int at = at(word);
            if (((long) WORD.getVolatile(bytes, at) & bits) != bits) {
                WORD.getAndBitwiseOr(bytes, at, bits);
            }
        }
    }

    /** The bits of a word that stand for granules {@code first} to {@code last}. */
    private static long mask(long word, long first, long last) {
        long bits = -1L;
        if (word == first >>> 6) {
            bits &= -1L << (first & 63);
        }
        if (word == last >>> 6) {
            bits &= -1L >>> (63 - (last & 63));
        }
        return bits;
    }

    private static int at(long word) {
        return BITS_AT + (int) (word << 3);
    }

    private void raiseHighest(long end) {
        long seen = (long) WORD.getVolatile(bytes, HIGHEST_AT);
        while (seen < end && !WORD.compareAndSet(bytes, HIGHEST_AT, seen, end)) {
            seen = (long) WORD.getVolatile(bytes, HIGHEST_AT);
        }
    }

    private long words() {
        return ((long) WORD.getVolatile(bytes, HIGHEST_AT) + 63) >>> 6;
    }

    /**
     * What changed and was not cleared, in whole granules, neighbours joined. Whoever copies clears a range before he reads it.
     *
     * @param fromBytes where to begin to look, a multiple of 4 KiB
     * @param maxRanges at least 1; up to 64 more may come
     * @param maxBytes as well, about
     * @return in ascending order; empty when nothing is marked from there on
     */
    public List<ImageRange> marked(long fromBytes, int maxRanges, long maxBytes) {
        List<ImageRange> ranges = new ArrayList<>();
        long words = words();
        long first = fromBytes >>> GRANULE_SHIFT;
        long found = 0;
        for (long word = first >>> 6; word < words && ranges.size() < maxRanges && found < maxBytes; word++) {
            long bits = (long) WORD.getVolatile(bytes, at(word));
            if (word == first >>> 6) {
                bits &= -1L << (first & 63);
            }
            found += (long) Long.bitCount(bits) << GRANULE_SHIFT;
            addRuns(ranges, word << 6, bits);
        }
        return ranges;
    }

    private static void addRuns(List<ImageRange> ranges, long firstGranule, long bits) {
        long left = bits;
        while (left != 0) {
            int from = Long.numberOfTrailingZeros(left);
            int run = Long.numberOfTrailingZeros(~(left >>> from));
            long position = firstGranule + from << GRANULE_SHIFT;
            long length = (long) run << GRANULE_SHIFT;
            int end = ranges.size() - 1;
            if (end >= 0 && ranges.get(end).endBytes() == position) {
                ImageRange before = ranges.get(end);
                ranges.set(end, new ImageRange(before.positionBytes(), before.lengthBytes() + length));
            } else {
                ranges.add(new ImageRange(position, length));
            }
            left = from + run == 64 ? 0 : left & -1L << (from + run);
        }
    }

    /** Whole granules within the range count as unchanged from now on; whoever clears reads them after that. */
    public void clear(ImageRange range) {
        long first = (range.positionBytes() + GRANULE_BYTES - 1) >>> GRANULE_SHIFT;
        long last = Math.min((range.endBytes() >>> GRANULE_SHIFT) - 1, (words() << 6) - 1);
        for (long word = first >>> 6; first <= last && word <= last >>> 6; word++) {
            long bits = mask(word, first, last);
            if (((long) WORD.getVolatile(bytes, at(word)) & bits) != 0) {
                WORD.getAndBitwiseAnd(bytes, at(word), ~bits);
            }
        }
    }

    /** How much is marked. */
    public long waitingBytes() {
        long count = 0;
        long words = words();
        for (long word = 0; word < words; word++) {
            count += Long.bitCount((long) WORD.getVolatile(bytes, at(word)));
        }
        return count << GRANULE_SHIFT;
    }

    /** Whether something changed that could not be remembered. */
    public boolean broken() {
        return (long) WORD.getVolatile(bytes, BROKEN_AT) != 0;
    }

    /** Ends it: nobody goes on with it. Nobody calls {@link #changed} any more. */
    @Override
    public void close() throws IOException {
        area.drop(REGION);
    }
}
