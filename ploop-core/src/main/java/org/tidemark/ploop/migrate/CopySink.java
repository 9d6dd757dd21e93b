package org.tidemark.ploop.migrate;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * Where a copy goes. Used by one thread. What is put at a position replaces what was put there before; positions that nothing was
 * put at read as zeros.
 */
public interface CopySink extends Closeable {
    /** Puts bytes at a position of the file. */
    void put(long positionBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException;

    /** Puts the first bytes of the copy, which differ from those of the file: as of an image that nobody uses. The last put. */
    default void putHeader(AlignedBuffer src, int lengthBytes) throws IOException {
        put(0, src, 0, lengthBytes);
    }

    /** What was put is durable there on return, as far as the other side can tell us. */
    void sync() throws IOException;

    /** From now on a container waits for it: nothing may take long, least of all trying again. */
    default void beginPause() {}

    /** The copy is whole: {@code sizeBytes} long, durable, under its name on return. */
    void finish(long sizeBytes) throws IOException;

    /** How much went to the other side, with what frames it. */
    long sentBytes();

    /** Without {@link #finish} before: the copy is given up, and nothing of it is kept. */
    @Override
    void close() throws IOException;
}
