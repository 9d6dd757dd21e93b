package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.nio.file.Path;
import org.tidemark.ploop.io.AlignedBuffer;

/** A copy into a new file of this host. */
public final class FileSink implements CopySink {
    private final PartialFile partial;
    private long sentBytes;

    private FileSink(PartialFile partial) {
        this.partial = partial;
    }

    /** Takes the name of a file that is not there; see {@link PartialFile#at}. */
    public static FileSink create(Path file) throws IOException {
        PartialFile partial = PartialFile.at(file);
        boolean done = false;
        try {
            partial.truncate(0);
            done = true;
            return new FileSink(partial);
        } finally {
            if (!done) {
                partial.close();
            }
        }
    }

    @Override
    public void put(long positionBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        partial.write(positionBytes, src, srcOffset, lengthBytes);
        sentBytes += lengthBytes;
    }

    @Override
    public void sync() throws IOException {
        partial.sync();
    }

    @Override
    public void finish(long sizeBytes) throws IOException {
        partial.truncate(sizeBytes);
        partial.finish();
    }

    @Override
    public long sentBytes() {
        return sentBytes;
    }

    @Override
    public void close() throws IOException {
        partial.close();
    }
}
