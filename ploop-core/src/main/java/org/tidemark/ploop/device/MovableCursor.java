package org.tidemark.ploop.device;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * An allocation cursor that begins its life in this process and moves to where a successor finds it, when the delta it
 * belongs to becomes the top of a device.
 */
public final class MovableCursor implements AllocationCursor {
    private volatile AllocationCursor place;
    private boolean moved;
    private @Nullable AlignedBuffer memory;

    public MovableCursor() {
        this.place = AllocationCursor.transientCursor();
    }

    private MovableCursor(AllocationCursor place) {
        this.place = place;
        this.moved = true;
    }

    /** That of a top which stays the top. */
    public static MovableCursor ofPresentTop(StateArea area) throws IOException {
        return new MovableCursor(PloopDevice.cursor(area));
    }

    @Override
    public long get() {
        return place.get();
    }

    @Override
    public void set(long nextPhysicalCluster) {
        place.set(nextPhysicalCluster);
    }

    /**
     * What a delta remembers of its allocation beside the cursor. It stays in this process when the cursor moves: a
     * successor finds none, and knows less.
     */
    public synchronized AlignedBuffer memory(int sizeBytes) {
        AlignedBuffer known = memory;
        if (known == null) {
            known = AlignedBuffer.allocate(sizeBytes);
            memory = known;
        }
        return known;
    }

    /** Whether it is where a successor finds it. */
    boolean moved() {
        return moved;
    }

    /** Nobody allocates meanwhile. */
    void moveTo(AllocationCursor next, long value) {
        next.set(value);
        place = next;
        moved = true;
    }
}
