package org.tidemark.ploop.sim;

import java.util.Arrays;
import java.util.TreeMap;

/** The content of a file: a size, and pages where there was a write. */
final class SparseBytes {
    static final int PAGE_BYTES = 4096;

    private final TreeMap<Long, byte[]> pages = new TreeMap<>();
    private long size;

    SparseBytes copy() {
        SparseBytes copy = new SparseBytes();
        pages.forEach((number, page) -> copy.pages.put(number, page.clone()));
        copy.size = size;
        return copy;
    }

    long size() {
        return size;
    }

    long pageCount() {
        return pages.size();
    }

    /** Pages that writing the range would add. */
    long newPages(long position, long length) {
        long count = 0;
        for (long page = position / PAGE_BYTES; page * PAGE_BYTES < position + length; page++) {
            count += pages.containsKey(page) ? 0 : 1;
        }
        return count;
    }

    boolean hasPage(long number) {
        return pages.containsKey(number);
    }

    void read(long position, byte[] dst, int offset, int length) {
        for (int done = 0; done < length; ) {
            long at = position + done;
            int skip = (int) (at % PAGE_BYTES);
            int take = Math.min(length - done, PAGE_BYTES - skip);
            byte[] page = pages.get(at / PAGE_BYTES);
            if (page == null) {
                Arrays.fill(dst, offset + done, offset + done + take, (byte) 0);
            } else {
                System.arraycopy(page, skip, dst, offset + done, take);
            }
            done += take;
        }
    }

    void write(long position, byte[] src, int offset, int length) {
        for (int done = 0; done < length; ) {
            long at = position + done;
            int skip = (int) (at % PAGE_BYTES);
            int take = Math.min(length - done, PAGE_BYTES - skip);
            byte[] page = pages.computeIfAbsent(at / PAGE_BYTES, key -> new byte[PAGE_BYTES]);
            System.arraycopy(src, offset + done, page, skip, take);
            done += take;
        }
        size = Math.max(size, position + length);
    }

    /** Zeros within the size. */
    void punch(long position, long length) {
        long end = Math.min(position + length, size);
        if (end <= position) {
            return;
        }
        for (Long number : pages.subMap(position / PAGE_BYTES, (end + PAGE_BYTES - 1) / PAGE_BYTES)
                .keySet()
                .toArray(new Long[0])) {
            long start = number * PAGE_BYTES;
            int from = (int) Math.max(0, position - start);
            int to = (int) Math.min(PAGE_BYTES, end - start);
            if (from == 0 && (to == PAGE_BYTES || end == size)) {
                pages.remove(number);
            } else {
                Arrays.fill(pages.get(number), from, to, (byte) 0);
            }
        }
    }

    void truncate(long newSize) {
        if (newSize < size) {
            punch(newSize, size - newSize);
        }
        size = newSize;
    }

    void extendTo(long newSize) {
        size = Math.max(size, newSize);
    }
}
