package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;

/** Copies parts of clusters from lower deltas into fresh clusters of the top. Its buffers bound how many do so at once. */
final class CopyUp {
    private static final int COPY_BYTES = 1 << 20;
    private static final int BUFFERS = 2;

    private final Delta top;
    private final ArrayBlockingQueue<AlignedBuffer> buffers = new ArrayBlockingQueue<>(BUFFERS);

    /** For clusters of that size; 0 where there is nothing below. */
    CopyUp(Delta top, int clusterBytes) {
        this.top = top;
        for (int i = 0; i < BUFFERS && clusterBytes > 0; i++) {
            buffers.add(AlignedBuffer.allocate(Math.min(COPY_BYTES, clusterBytes)));
        }
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
                lower.read(physicalCluster, at, buffer, 0, length);
                if (!buffer.isZero(0, length)) {
                    top.overwrite(fresh, at, buffer, 0, length);
                }
                at += length;
            }
        } finally {
            buffers.add(buffer);
        }
    }

    private AlignedBuffer take() {
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
