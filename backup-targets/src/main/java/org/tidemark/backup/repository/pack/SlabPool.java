package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Off-heap pieces of 1 MiB that packs are put together in; keeps a few for the next pack. Safe for many threads. */
public final class SlabPool {
    static final int SLAB_BYTES = 1 << 20;

    private final int keep;
    /** Guarded by this. */
    private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

    /**
     * A pool.
     *
     * @param keep how many unused slabs are kept instead of being left to the garbage collector
     */
    public SlabPool(int keep) {
        this.keep = keep;
    }

    synchronized ByteBuffer take() {
        ByteBuffer slab = free.poll();
        return slab == null ? ByteBuffer.allocateDirect(SLAB_BYTES) : slab.clear();
    }

    synchronized void give(Iterable<ByteBuffer> slabs) {
        for (ByteBuffer slab : slabs) {
            if (free.size() < keep) {
                free.push(slab);
            }
        }
    }
}
