package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.io.InterruptedIOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/** Copies a file that nobody writes to: a frozen delta, a descriptor. */
public final class StaticCopy {
    private static final int PIECE_BYTES = 1 << 20;

    private StaticCopy() {}

    /**
     * Copies all of it; whole and durable there on return.
     *
     * @return what was read
     * @throws InterruptedIOException when {@code progress} does not want it any more
     */
    public static long run(ImageIo file, CopySink sink, CopyProgress progress) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        long size = file.size();
        long begun = System.nanoTime();
        long[] read = {0};
        file.dataExtents(0, size, (position, length) -> {
            for (long done = 0; done < length; ) {
                if (progress.cancelled()) {
                    throw new InterruptedIOException("the copy was called off");
                }
                int now = (int) Math.min(PIECE_BYTES, length - done);
                file.read(position + done, piece, 0, now);
                sink.put(position + done, piece, 0, now);
                done += now;
                read[0] += now;
                long rate = (long) (read[0] * 1e9 / Math.max(1, System.nanoTime() - begun));
                progress.at(new CopyProgress.State(0, position + done, size, rate, java.time.Duration.ofSeconds(-1)));
            }
        });
        sink.finish(size);
        return read[0];
    }
}
