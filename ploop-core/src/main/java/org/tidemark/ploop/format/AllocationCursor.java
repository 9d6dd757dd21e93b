package org.tidemark.ploop.format;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The number of the next physical cluster at the end of a delta that was never handed out, and what else a delta wants to
 * remember of its allocation. It lives outside the process that serves the device, so that a successor after kill -9 goes on
 * where it was.
 */
public interface AllocationCursor {
    /** The value, or -1 when it was never set: the delta then finds it out from the file. */
    long get();

    void set(long nextPhysicalCluster);

    /**
     * Memory that lives as long as the cursor: all zeros when it is asked for the first time, the same memory again
     * whoever asks later. Pages that are not touched take no room.
     *
     * @param sizeBytes the same at every call
     */
    AlignedBuffer memory(int sizeBytes) throws IOException;

    /** A cursor that lives as long as the object. */
    static AllocationCursor transientCursor() {
        AtomicLong value = new AtomicLong(-1);
        return new AllocationCursor() {
            private @Nullable AlignedBuffer memory;

            @Override
            public synchronized AlignedBuffer memory(int sizeBytes) {
                AlignedBuffer known = memory;
                if (known == null) {
                    known = AlignedBuffer.allocate(sizeBytes);
                    memory = known;
                }
                return known;
            }

            @Override
            public long get() {
                return value.get();
            }

            @Override
            public void set(long nextPhysicalCluster) {
                value.set(nextPhysicalCluster);
            }
        };
    }
}
