package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Off-heap room for reading ahead; keeps a few arenas for the next reader. Safe for many threads. */
final class ArenaPool {
    private static final int KEPT = 8;

    private final int arenaBytes;
    /** Guarded by this. */
    private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

    ArenaPool(int arenaBytes) {
        this.arenaBytes = arenaBytes;
    }

    synchronized ByteBuffer take() {
        ByteBuffer arena = free.poll();
        return arena == null ? ByteBuffer.allocateDirect(arenaBytes) : arena.clear();
    }

    synchronized void give(ByteBuffer arena) {
        if (free.size() < KEPT) {
            free.push(arena);
        }
    }
}
