package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.StateArea;

/**
 * The slots of one device. A slot is held by a serving thread, holds a request that waits, or is free. In the state area lie
 * the slots by number, and a count that no number of a slot reaches; numbers below it may be missing.
 */
final class SlotPool {
    private static final String SLOT_COUNT = "fuse-slots";
    private static final int SLOT_COUNT_BYTES = 4096;

    /** What requests that wait leave to others in the state area's memory, of which untouched regions have none yet. */
    private static final long KEPT_FREE_BYTES = 64L << 20;

    private final StateArea area;
    /** Guarded by this, as all below. */
    private final Deque<RequestSlot> free = new ArrayDeque<>();

    private final SortedSet<Integer> numbers = new TreeSet<>();

    SlotPool(StateArea area) {
        this.area = area;
    }

    /** What a predecessor left; the caller holds them all. */
    synchronized List<RequestSlot> takeOver() throws IOException {
        int count = area.region(SLOT_COUNT, SLOT_COUNT_BYTES).getInt(0);
        List<RequestSlot> left = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            if (area.exists(RequestSlot.region(number))) {
                left.add(RequestSlot.in(area, number));
                numbers.add(number);
            }
        }
        return left;
    }

    /** An empty slot; a free one, or else a new one. */
    synchronized RequestSlot take() throws IOException {
        RequestSlot known = free.poll();
        if (known != null) {
            return known;
        }
        int number = 0;
        while (numbers.contains(number)) {
            number++;
        }
        RequestSlot fresh = make(number);
        numbers.add(number);
        // Only now does a successor look for it.
        area.region(SLOT_COUNT, SLOT_COUNT_BYTES).putInt(0, numbers.last() + 1);
        return fresh;
    }

    private RequestSlot make(int number) throws IOException {
        boolean made = false;
        try {
            RequestSlot fresh = RequestSlot.in(area, number);
            fresh.clear();
            made = true;
            return fresh;
        } finally {
            if (!made) {
                area.drop(RequestSlot.region(number));
            }
        }
    }

    /** As {@link #take}; null when the memory below is nearly full. */
    synchronized @Nullable RequestSlot takeWhereThereIsRoom() throws IOException {
        return free.isEmpty() && area.roomBytes() < KEPT_FREE_BYTES ? null : take();
    }

    /** Nobody needs what is in the slot. */
    synchronized void giveBack(RequestSlot slot) {
        slot.clear();
        free.add(slot);
    }

    /** Gives the memory of free slots back. */
    synchronized void dropFree() throws IOException {
        while (!free.isEmpty()) {
            RequestSlot slot = free.remove();
            numbers.remove(slot.number());
            area.drop(RequestSlot.region(slot.number()));
        }
    }
}
