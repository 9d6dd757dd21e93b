package org.tidemark.backup.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.backup.engine.RestoreSink;

/** Restores into a byte array. */
public final class MemorySink implements RestoreSink {
    public final byte[] content;
    public boolean finished;
    public boolean abandoned;
    public boolean failing;

    public MemorySink(long sizeBytes) {
        content = new byte[(int) sizeBytes];
    }

    @Override
    public synchronized void write(long offsetBytes, ByteBuffer data) throws IOException {
        if (failing) {
            throw new IOException("No space left on device");
        }
        data.get(content, (int) offsetBytes, data.remaining());
    }

    @Override
    public void finish() {
        finished = true;
    }

    @Override
    public void abandon() {
        abandoned = true;
    }
}
