package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where an image is restored to. It is new and reads as zeros wherever nothing is written, so zeros are not written.
 * {@link #write} is called by several threads at once for ranges that do not overlap; then one of {@link #finish} and
 * {@link #abandon} once, by one thread, after all writes have returned.
 */
public interface RestoreSink {
    /**
     * Writes the remaining bytes of {@code data}, direct, at {@code offsetBytes}. The buffer is the engine's again on
     * return.
     */
    void write(long offsetBytes, ByteBuffer data) throws IOException;

    /** Everything is written: makes it durable and lets it be seen. */
    void finish() throws IOException;

    /** The restore failed or was cancelled: leaves nothing that could be taken for a restored image. Does not throw. */
    void abandon();
}
