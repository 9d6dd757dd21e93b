package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Restores images. What reaches the sink was compared with the hashes of the backup. Safe for many threads. */
public final class RestoreEngine {
    private static final int PIECE_BYTES = 4 * ChunkGeometry.CHUNK_BYTES;
    private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final int workers;

    public RestoreEngine(int workers) {
        this.workers = workers;
    }

    private record Piece(long offsetBytes, int lengthBytes) {}

    /**
     * Writes the whole image to {@code sink} and finishes it; when anything fails, or {@code cancelled} says so, the
     * sink is abandoned and nothing counts as restored.
     */
    public RestoreResult restore(
            ImageReader image, RestoreSink sink, RestoreProgress progress, BooleanSupplier cancelled)
            throws IOException {
        long start = System.nanoTime();
        LongAdder written = new LongAdder();
        boolean finished = false;
        try {
            try (WorkPipeline<Piece> pipeline = new WorkPipeline<>(
                    "tidemark-restore", workers, () -> new PieceWorker(image, sink, written), cancelled)) {
                long[] last = {start};
                image.extents((offsetBytes, lengthBytes) -> {
                    for (long at = offsetBytes; at < offsetBytes + lengthBytes; at += PIECE_BYTES) {
                        pipeline.submit(new Piece(at, (int) Math.min(PIECE_BYTES, offsetBytes + lengthBytes - at)));
                        long now = System.nanoTime();
                        if (now - last[0] >= PROGRESS_NANOS) {
                            last[0] = now;
                            progress.progress(at, image.sizeBytes(), written.sum());
                        }
                    }
                });
                pipeline.drain();
            }
            if (cancelled.getAsBoolean()) {
                throw new EngineException(EngineException.Kind.CANCELLED, "cancelled; nothing was restored");
            }
            try {
                sink.finish();
            } catch (IOException e) {
                throw sinkFailed(image, image.sizeBytes(), e);
            }
            finished = true;
        } finally {
            if (!finished) {
                sink.abandon();
            }
        }
        progress.progress(image.sizeBytes(), image.sizeBytes(), written.sum());
        return new RestoreResult(image.sizeBytes(), written.sum(), (System.nanoTime() - start) / 1e9);
    }

    private static EngineException sinkFailed(ImageReader image, long offsetBytes, IOException e) {
        return new EngineException(
                EngineException.Kind.SINK_FAILED,
                "image " + image.imageId() + " could not be written at " + offsetBytes + ": " + e.getMessage()
                        + ". Nothing was restored",
                e);
    }

    /** Reads pieces and writes them. */
    private static final class PieceWorker implements WorkPipeline.Worker<Piece> {
        private final ImageReader image;
        private final RestoreSink sink;
        private final LongAdder written;
        private final ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE_BYTES);

        PieceWorker(ImageReader image, RestoreSink sink, LongAdder written) {
            this.image = image;
            this.sink = sink;
            this.written = written;
        }

        @Override
        public void work(Piece piece) throws IOException {
            image.read(piece.offsetBytes(), buffer.clear().limit(piece.lengthBytes()));
            try {
                sink.write(piece.offsetBytes(), buffer.flip());
            } catch (IOException e) {
                throw sinkFailed(image, piece.offsetBytes(), e);
            }
            written.add(piece.lengthBytes());
        }

        @Override
        public void close() {}
    }
}
