package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.KeptMemory;

/**
 * Memory that outlives the process which serves a device: files on tmpfs, mapped. What was acknowledged and is not in the
 * image yet (map pages, the changed-block bitmap, requests in flight) lives here, so that a successor after kill -9 goes on
 * without loss. It does not outlive the machine.
 *
 * <p>Stores become visible to a successor in the order in which one thread made them with release semantics; plain stores
 * may be reordered by the compiler.
 */
public interface StateArea extends KeptMemory, Closeable {
    /** Whether the area holds what a predecessor left. */
    boolean resumed();

    @Override
    AlignedBuffer region(String name, int sizeBytes) throws IOException;

    @Override
    boolean exists(String name);

    /** How much more its regions can take; {@code Long.MAX_VALUE} where nobody counts. */
    default long roomBytes() throws IOException {
        return Long.MAX_VALUE;
    }

    @Override
    void drop(String name) throws IOException;

    /** Removes every region whose name starts with {@code prefix}; their memory must not be used any more. */
    void dropStartingWith(String prefix) throws IOException;

    /** Lets go of the area without removing it. */
    @Override
    void close() throws IOException;

    /** An area on the heap of this process, for devices that are opened for the time of one command, and for tests. */
    static StateArea inMemory() {
        KeptMemory memory = KeptMemory.ofThisProcess();
        return new StateArea() {
            @Override
            public boolean resumed() {
                return false;
            }

            @Override
            public AlignedBuffer region(String name, int sizeBytes) throws IOException {
                return memory.region(name, sizeBytes);
            }

            @Override
            public boolean exists(String name) {
                return memory.exists(name);
            }

            @Override
            public List<String> names() throws IOException {
                return memory.names();
            }

            @Override
            public void drop(String name) throws IOException {
                memory.drop(name);
            }

            @Override
            public void dropStartingWith(String prefix) throws IOException {
                for (String name : names()) {
                    if (name.startsWith(prefix)) {
                        drop(name);
                    }
                }
            }

            @Override
            public void close() {
                // Nothing outlives the process anyway.
            }
        };
    }
}
