package org.tidemark.ploop.sim;

import java.util.Arrays;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The content of a file: a size, and pages where there was a write. Copies share their pages until one of them writes. Pages
 * near the start stand in an array, all others in a tree.
 */
final class SparseBytes {
    static final int PAGE_BYTES = 4096;
    private static final int MAX_NEAR_PAGES = 1 << 14;
    private static final byte[] ZEROS = new byte[PAGE_BYTES];

    /** A page, and whether it belongs to this content alone. */
    private static final class Page {
        final byte[] bytes;
        volatile boolean shared;

        Page(byte[] bytes) {
            this.bytes = bytes;
        }
    }

    private Page[] near = new Page[16];
    private final TreeMap<Long, Page> far = new TreeMap<>();
    private long count;
    private long size;

    SparseBytes copy() {
        SparseBytes copy = new SparseBytes();
        for (Page page : near) {
            if (page != null) {
                page.shared = true;
            }
        }
        far.values().forEach(page -> page.shared = true);
        copy.near = near.clone();
        copy.far.putAll(far);
        copy.count = count;
        copy.size = size;
        return copy;
    }

    long size() {
        return size;
    }

    long pageCount() {
        return count;
    }

    /** Pages that writing the range would add. */
    long newPages(long position, long length) {
        long added = 0;
        for (long page = position / PAGE_BYTES; page * PAGE_BYTES < position + length; page++) {
            added += hasPage(page) ? 0 : 1;
        }
        return added;
    }

    boolean hasPage(long number) {
        return page(number) != null;
    }

    private Page page(long number) {
        if (number < MAX_NEAR_PAGES) {
            return number < near.length ? near[(int) number] : null;
        }
        return far.get(number);
    }

    private void put(long number, Page page) {
        if (number >= MAX_NEAR_PAGES) {
            far.put(number, page);
            return;
        }
        if (number >= near.length) {
            near = Arrays.copyOf(near, Integer.highestOneBit((int) number) * 2);
        }
        near[(int) number] = page;
    }

    private void remove(long number) {
        count--;
        if (number >= MAX_NEAR_PAGES) {
            far.remove(number);
        } else {
            near[(int) number] = null;
        }
    }

    /** The bytes of a page to write to. */
    private byte[] own(long number) {
        Page page = page(number);
        if (page == null) {
            page = new Page(new byte[PAGE_BYTES]);
            count++;
            put(number, page);
        } else if (page.shared) {
            page = new Page(page.bytes.clone());
            put(number, page);
        }
        return page.bytes;
    }

    void read(long position, AlignedBuffer dst, int offset, int length) {
        for (int done = 0; done < length; ) {
            long at = position + done;
            int skip = (int) (at % PAGE_BYTES);
            int take = Math.min(length - done, PAGE_BYTES - skip);
            Page page = page(at / PAGE_BYTES);
            if (page == null) {
                dst.bytes().put(offset + done, ZEROS, 0, take);
            } else {
                dst.bytes().put(offset + done, page.bytes, skip, take);
            }
            done += take;
        }
    }

    void write(long position, byte[] src, int offset, int length) {
        for (int done = 0; done < length; ) {
            long at = position + done;
            int skip = (int) (at % PAGE_BYTES);
            int take = Math.min(length - done, PAGE_BYTES - skip);
            System.arraycopy(src, offset + done, own(at / PAGE_BYTES), skip, take);
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
        long first = position / PAGE_BYTES;
        long last = (end - 1) / PAGE_BYTES;
        for (long number = first; number <= Math.min(last, near.length - 1); number++) {
            punchPage(number, position, end);
        }
        for (Long number : far.subMap(first, last + 1).keySet().toArray(new Long[0])) {
            punchPage(number, position, end);
        }
    }

    private void punchPage(long number, long position, long end) {
        if (!hasPage(number)) {
            return;
        }
        long start = number * PAGE_BYTES;
        int from = (int) Math.max(0, position - start);
        int to = (int) Math.min(PAGE_BYTES, end - start);
        if (from == 0 && (to == PAGE_BYTES || end == size)) {
            remove(number);
        } else {
            Arrays.fill(own(number), from, to, (byte) 0);
        }
    }

    void truncate(long newSize) {
        if (newSize < size) {
            punch(newSize, size - newSize);
        }
        size = newSize;
    }

    /** Of what can be read: a page of zeros counts as none. */
    long checksum() {
        CRC32C crc = new CRC32C();
        for (int number = 0; number < near.length; number++) {
            add(crc, number, near[number]);
        }
        far.forEach((number, page) -> add(crc, number, page));
        return crc.getValue();
    }

    private static void add(CRC32C crc, long number, Page page) {
        if (page != null && !Arrays.equals(page.bytes, ZEROS)) {
            for (int shift = 0; shift < 64; shift += 8) {
                crc.update((int) (number >>> shift));
            }
            crc.update(page.bytes);
        }
    }

    void extendTo(long newSize) {
        size = Math.max(size, newSize);
    }
}
