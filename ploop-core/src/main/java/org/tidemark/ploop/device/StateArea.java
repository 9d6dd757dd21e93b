package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * Memory that outlives the process which serves a device: files on tmpfs, mapped. What was acknowledged and is not in the
 * image yet (map pages, the changed-block bitmap, requests in flight) lives here, so that a successor after kill -9 goes on
 * without loss. It does not outlive the machine.
 *
 * <p>Stores become visible to a successor in the order in which one thread made them with release semantics; plain stores
 * may be reordered by the compiler.
 */
public interface StateArea extends Closeable {
    /** Whether the area holds what a predecessor left. */
    boolean resumed();

    /**
     * The named region of exactly {@code sizeBytes}; all zeros when it is new. The same name gives the same memory again.
     * Untouched pages take no memory.
     */
    AlignedBuffer region(String name, int sizeBytes) throws IOException;

    /** Whether there is a region of that name. */
    boolean exists(String name);

    /** How much more its regions can take; {@code Long.MAX_VALUE} where nobody counts. */
    default long roomBytes() throws IOException {
        return Long.MAX_VALUE;
    }

    /** Removes a region; its memory must not be used any more. */
    void drop(String name) throws IOException;

    /** Removes every region whose name starts with {@code prefix}; their memory must not be used any more. */
    void dropStartingWith(String prefix) throws IOException;

    /** Lets go of the area without removing it. */
    @Override
    void close() throws IOException;

    /** An area on the heap of this process, for devices that are opened for the time of one command, and for tests. */
    static StateArea inMemory() {
        Map<String, AlignedBuffer> regions = new ConcurrentHashMap<>();
        return new StateArea() {
            @Override
            public boolean resumed() {
                return false;
            }

            @Override
            public AlignedBuffer region(String name, int sizeBytes) {
                return regions.computeIfAbsent(name, key -> AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes)));
            }

            @Override
            public boolean exists(String name) {
                return regions.containsKey(name);
            }

            @Override
            public void drop(String name) {
                regions.remove(name);
            }

            @Override
            public void dropStartingWith(String prefix) {
                regions.keySet().removeIf(name -> name.startsWith(prefix));
            }

            @Override
            public void close() {
                // Nothing outlives the process anyway.
            }
        };
    }
}
