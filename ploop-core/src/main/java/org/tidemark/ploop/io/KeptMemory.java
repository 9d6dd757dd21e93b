package org.tidemark.ploop.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Named pieces of memory for what an I/O module has acknowledged and cannot give to its store yet. Whether they outlive the
 * process is decided by whoever makes them: for a device they are mapped files on tmpfs, for a command plain memory.
 *
 * <p>Safe for several threads; the memory itself is not synchronised.
 */
public interface KeptMemory {
    /**
     * The named region of exactly {@code sizeBytes}; all zeros when it is new. The same name gives the same memory again.
     * Untouched pages take no memory.
     */
    AlignedBuffer region(String name, int sizeBytes) throws IOException;

    /** Whether there is a region of that name. */
    boolean exists(String name);

    /** The names of all regions. */
    List<String> names() throws IOException;

    /** Removes a region; its memory must not be used any more. */
    void drop(String name) throws IOException;

    /** Memory of this process, for commands and tests. */
    static KeptMemory ofThisProcess() {
        Map<String, AlignedBuffer> regions = new ConcurrentHashMap<>();
        return new KeptMemory() {
            @Override
            public AlignedBuffer region(String name, int sizeBytes) {
                return regions.computeIfAbsent(name, key -> AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes)));
            }

            @Override
            public boolean exists(String name) {
                return regions.containsKey(name);
            }

            @Override
            public List<String> names() {
                return List.copyOf(regions.keySet());
            }

            @Override
            public void drop(String name) {
                regions.remove(name);
            }
        };
    }
}
