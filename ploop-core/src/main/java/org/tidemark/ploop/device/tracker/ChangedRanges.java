package org.tidemark.ploop.device.tracker;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tidemark.ploop.io.WriteObserver;

/**
 * What changes in a file while its image is being closed, to the page of 4 KiB. Unlike {@link WriteTracker} it lives in memory, is
 * bounded by what a closing writes, and allocates: it is for that moment only. Safe for several threads.
 */
public final class ChangedRanges implements WriteObserver {
    private static final long PAGE_BYTES = 4096;

    /** Begin and end; they neither overlap nor touch. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    @Override
    public synchronized void changed(long position, long length) {
        if (length <= 0) {
            return;
        }
        add(position / PAGE_BYTES * PAGE_BYTES, roundedUp(position, length));
    }

    private static long roundedUp(long position, long length) {
        long end = position > Long.MAX_VALUE - length - PAGE_BYTES ? Long.MAX_VALUE - PAGE_BYTES : position + length;
        return (end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    private void add(long from, long to) {
        long begin = from;
        long end = to;
        Map.Entry<Long, Long> near = ranges.floorEntry(end);
        while (near != null && near.getValue() >= begin) {
            begin = Math.min(begin, near.getKey());
            end = Math.max(end, near.getValue());
            ranges.remove(near.getKey());
            near = ranges.floorEntry(end);
        }
        ranges.put(begin, end);
    }

    /** Nothing is known of what changed: all of a file of this length counts as changed. */
    public synchronized void all(long sizeBytes) {
        ranges.clear();
        changed(0, sizeBytes);
    }

    /**
     * What changed, ascending.
     *
     * @param most how many ranges at most; the smallest gaps between them count as changed until they are no more
     */
    public synchronized List<ImageRange> ranges(int most) {
        long gap = PAGE_BYTES;
        List<ImageRange> found = joined(0);
        while (found.size() > Math.max(1, most)) {
            found = joined(gap);
            gap *= 2;
        }
        return found;
    }

    private List<ImageRange> joined(long gapBytes) {
        List<ImageRange> found = new ArrayList<>();
        for (Map.Entry<Long, Long> one : ranges.entrySet()) {
            ImageRange last = found.isEmpty() ? null : found.get(found.size() - 1);
            if (last != null && one.getKey() - last.endBytes() <= gapBytes) {
                found.set(
                        found.size() - 1, new ImageRange(last.positionBytes(), one.getValue() - last.positionBytes()));
            } else {
                found.add(new ImageRange(one.getKey(), one.getValue() - one.getKey()));
            }
        }
        return found;
    }
}
