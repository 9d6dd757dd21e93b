package org.tidemark.ploop.device;

import org.tidemark.ploop.format.AllocationCursor;

/**
 * An allocation cursor that begins its life in this process and moves to where a successor finds it, when the delta it
 * belongs to becomes the top of a device.
 */
public final class MovableCursor implements AllocationCursor {
    private volatile AllocationCursor place;

    public MovableCursor() {
        this(AllocationCursor.transientCursor());
    }

    /** One that is somewhere already. */
    public MovableCursor(AllocationCursor place) {
        this.place = place;
    }

    @Override
    public long get() {
        return place.get();
    }

    @Override
    public void set(long nextPhysicalCluster) {
        place.set(nextPhysicalCluster);
    }

    /** Nobody allocates meanwhile. */
    void moveTo(AllocationCursor next, long value) {
        next.set(value);
        place = next;
    }
}
