package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Restores images. What reaches the sink was compared with the hashes of the backup. Safe for many threads. */
public final class RestoreEngine {
    private static final int PIECE_BYTES = 4 * ChunkGeometry.CHUNK_BYTES;
    private static final int STEP_BYTES = 64 * ChunkGeometry.CHUNK_BYTES;
    private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final int workers;

    public RestoreEngine(int workers) {
        this.workers = workers;
    }

    /** One or more runs of data, ascending and close together: they are read ahead as one stretch of the image. */
    private record Piece(List<Run> runs) {
        long offsetBytes() {
            return runs.get(0).offsetBytes();
        }

        long lengthBytes() {
            Run last = runs.get(runs.size() - 1);
            return last.offsetBytes() + last.lengthBytes() - offsetBytes();
        }
    }

    private record Run(long offsetBytes, int lengthBytes) {}

    /** Where requests are cheap each piece is one run; else all runs of one aligned stretch. */
    private static final class Pieces {
        private final WorkPipeline<Piece> pipeline;
        private final boolean cheap;
        private final int pieceBytes;
        private List<Run> runs = new ArrayList<>();

        Pieces(WorkPipeline<Piece> pipeline, int preferredBytes) {
            this.pipeline = pipeline;
            cheap = preferredBytes == 0;
            pieceBytes = pieceBytes(preferredBytes);
        }

        static int pieceBytes(int preferredBytes) {
            return Math.max(PIECE_BYTES, preferredBytes / ChunkGeometry.CHUNK_BYTES * ChunkGeometry.CHUNK_BYTES);
        }

        void add(long offsetBytes, long lengthBytes) throws IOException {
            long end = offsetBytes + lengthBytes;
            for (long at = offsetBytes; at < end; ) {
                long border = cheap ? at + pieceBytes : (at / pieceBytes + 1) * pieceBytes;
                if (!runs.isEmpty() && (cheap || runs.get(0).offsetBytes() / pieceBytes != at / pieceBytes)) {
                    submit();
                }
                runs.add(new Run(at, (int) (Math.min(end, border) - at)));
                at = Math.min(end, border);
            }
        }

        void submit() throws IOException {
            if (!runs.isEmpty()) {
                pipeline.submit(new Piece(runs));
                runs = new ArrayList<>();
            }
        }
    }

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
                Pieces pieces = new Pieces(pipeline, image.preferredReadBytes());
                image.extents((offsetBytes, lengthBytes) -> {
                    // Long runs are handed on in steps, so that progress is told within them.
                    for (long at = offsetBytes; at < offsetBytes + lengthBytes; at += STEP_BYTES) {
                        pieces.add(at, Math.min(STEP_BYTES, offsetBytes + lengthBytes - at));
                        long now = System.nanoTime();
                        if (now - last[0] >= PROGRESS_NANOS) {
                            last[0] = now;
                            progress.progress(at, image.sizeBytes(), written.sum());
                        }
                    }
                });
                pieces.submit();
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
        private final ByteBuffer buffer;

        PieceWorker(ImageReader image, RestoreSink sink, LongAdder written) {
            this.image = image;
            this.sink = sink;
            this.written = written;
            buffer = ByteBuffer.allocateDirect(Pieces.pieceBytes(image.preferredReadBytes()));
        }

        @Override
        public void work(Piece piece) throws IOException {
            try (ImageReader.Ahead ahead = image.ahead(piece.offsetBytes(), piece.lengthBytes())) {
                for (Run run : piece.runs()) {
                    ahead.read(run.offsetBytes(), buffer.clear().limit(run.lengthBytes()));
                    try {
                        sink.write(run.offsetBytes(), buffer.flip());
                    } catch (IOException e) {
                        throw sinkFailed(image, run.offsetBytes(), e);
                    }
                    written.add(run.lengthBytes());
                }
            }
        }

        @Override
        public void close() {}
    }
}
