package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.OsException;

/** Copies parts of clusters from lower deltas into fresh clusters of the top. Its buffers bound how many do so at once. */
final class CopyUp {
    private static final int COPY_BYTES = 1 << 20;
    private static final int BUFFERS = 2;

    private final Delta top;
    private final int clusterBytes;
    private final ArrayBlockingQueue<AlignedBuffer> buffers = new ArrayBlockingQueue<>(BUFFERS);
    /** Made when they are first needed: most chains of one never copy up. */
    private final AtomicInteger made = new AtomicInteger();

    CopyUp(Delta top, int clusterBytes) {
        this.top = top;
        this.clusterBytes = clusterBytes;
    }

    /** Zeros are left out: the fresh cluster reads as zeros already. */
    void copy(Delta lower, int physicalCluster, int fresh, int from, int to) throws IOException {
        if (from >= to) {
            return;
        }
        AlignedBuffer buffer = take();
        try {
            for (int at = from; at < to; ) {
                int length = Math.min(buffer.capacity(), to - at);
                readLower(lower, physicalCluster, at, buffer, length);
                if (!buffer.isZero(0, length)) {
                    top.overwrite(fresh, at, buffer, 0, length);
                }
                at += length;
            }
        } finally {
            buffers.add(buffer);
        }
    }

    private static void readLower(Delta lower, int physicalCluster, int at, AlignedBuffer buffer, int length)
            throws IOException {
        try {
            lower.read(physicalCluster, at, buffer, 0, length);
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    private AlignedBuffer take() {
        if (buffers.isEmpty() && made.getAndUpdate(count -> Math.min(count + 1, BUFFERS)) < BUFFERS) {
            return AlignedBuffer.allocate(Math.min(COPY_BYTES, clusterBytes));
        }
        boolean interrupted = false;
        while (true) {
            try {
                AlignedBuffer buffer = buffers.take();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return buffer;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }
}
