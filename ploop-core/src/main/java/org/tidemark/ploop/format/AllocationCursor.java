package org.tidemark.ploop.format;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The number of the next physical cluster at the end of a delta that was never handed out. It lives outside the process
 * that serves the device, so that a successor after kill -9 goes on where it was.
 */
public interface AllocationCursor {
    /** The value, or -1 when it was never set: the delta then finds it out from the file. */
    long get();

    void set(long nextPhysicalCluster);

    /** A cursor that lives as long as the object. */
    static AllocationCursor transientCursor() {
        AtomicLong value = new AtomicLong(-1);
        return new AllocationCursor() {
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
