package org.tidemark.ploop.device;

import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;

/** Copies of map pages on their way into the image. Allocated once per device. */
final class PageBatch {
    private final int limit;
    private final AlignedBuffer buffer;
    private final long[] pages;
    private final int[] slots;
    private int size;
    private int nextSlot;

    PageBatch(int limit) {
        this.limit = limit;
        this.buffer = AlignedBuffer.allocate(limit * Delta.PAGE_BYTES);
        this.pages = new long[limit];
        this.slots = new int[limit];
    }

    void clear() {
        size = 0;
    }

    /** Where the search for changed pages goes on; 0 at the beginning of a flush. */
    int nextSlot() {
        return nextSlot;
    }

    void nextSlot(int slot) {
        nextSlot = slot;
    }

    void add(long page, int slot) {
        pages[size] = page;
        slots[size] = slot;
        size++;
    }

    int size() {
        return size;
    }

    int limit() {
        return limit;
    }

    long page(int index) {
        return pages[index];
    }

    int slot(int index) {
        return slots[index];
    }

    AlignedBuffer buffer() {
        return buffer;
    }
}
