package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.BackupSession;
import org.tidemark.backup.repository.ChunkWriter;
import org.tidemark.backup.repository.SessionImage;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Backs up containers to one repository. Safe for many threads; each backup has its own workers. */
public final class BackupEngine {
    /** Workers that read, hash and compress, for each backup. */
    public static final int DEFAULT_WORKERS = 2;

    private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final BackupRepository repository;
    private final int workers;

    public BackupEngine(BackupRepository repository, int workers) {
        this.repository = repository;
        this.workers = workers;
    }

    /**
     * Runs one backup. When it returns, the point exists and is durable. When it throws, there is no point, except that
     * a lost answer of the target may have hidden one: then the next listing shows it.
     *
     * @param cancelled asked often, by several threads
     * @throws EngineException what the sources did, or that it was cancelled
     * @throws IOException also {@code RepositoryException} and {@code TargetException}
     */
    public BackupResult backup(BackupJob job, BackupProgress progress, BooleanSupplier cancelled) throws IOException {
        long start = System.nanoTime();
        for (DiskSource source : job.sources()) {
            checkParent(source, job.parent());
        }
        try (BackupSession session = repository.begin(job.containerId(), job.parent())) {
            Map<DiskSource, SessionImage> images = new LinkedHashMap<>();
            for (DiskSource source : job.sources()) {
                images.put(source, declare(session, source));
            }
            try (WorkPipeline<ReadUnit> pipeline =
                    new WorkPipeline<>("tidemark-backup", workers, () -> new ChunkWorker(session), cancelled)) {
                for (Map.Entry<DiskSource, SessionImage> entry : images.entrySet()) {
                    readImage(entry.getKey(), entry.getValue(), pipeline, session, progress);
                }
            }
            if (cancelled.getAsBoolean()) {
                throw new EngineException(EngineException.Kind.CANCELLED, "cancelled; nothing was committed");
            }
            RecoveryPoint point = session.commit(job.description());
            return new BackupResult(point, (System.nanoTime() - start) / 1e9);
        }
    }

    private static void readImage(
            DiskSource source,
            SessionImage image,
            WorkPipeline<ReadUnit> pipeline,
            BackupSession session,
            BackupProgress progress)
            throws IOException {
        long[] last = {System.nanoTime() - PROGRESS_NANOS};
        BackupPlanner[] planner = new BackupPlanner[1];
        planner[0] = new BackupPlanner(source, image, pipeline, () -> {
            long now = System.nanoTime();
            if (now - last[0] >= PROGRESS_NANOS) {
                last[0] = now;
                progress.progress(source.imageId(), planner[0].plannedBytes(), session.counters());
            }
        });
        source.visitRanges(planner[0]);
        planner[0].finish();
        progress.progress(source.imageId(), image.sizeBytes(), session.counters());
    }

    private static SessionImage declare(BackupSession session, DiskSource source) throws IOException {
        if (source.changes() instanceof ChangeInfo.Full full) {
            return session.fullImage(source.imageId(), source.sizeBytes(), full.reason(), source.checkpoint());
        }
        return session.incrementalImage(source.imageId(), source.sizeBytes(), source.checkpoint());
    }

    /** An increment over the wrong parent would be a point that never was. */
    private static void checkParent(DiskSource source, Optional<RecoveryPoint> parent) throws IOException {
        if (!(source.changes() instanceof ChangeInfo.Incremental incremental)) {
            return;
        }
        if (parent.isEmpty() || !parent.get().hasImage(source.imageId())) {
            throw mismatch(source, "there is no earlier point of it");
        }
        PointImage before = parent.get().image(source.imageId());
        Optional<CbtCheckpoint> held = before.checkpoint();
        if (!held.equals(Optional.of(incremental.since()))) {
            throw mismatch(
                    source,
                    "its changes are counted from " + incremental.since() + ", point "
                            + parent.get().pointId() + " was taken at "
                            + held.map(CbtCheckpoint::toString).orElse("none"));
        }
        // What a disk has got since reads as zeros where nothing was written, and that is in the changes.
        if (before.sizeBytes() > source.sizeBytes()) {
            throw mismatch(source, "it has " + source.sizeBytes() + " bytes now and had " + before.sizeBytes());
        }
    }

    private static EngineException mismatch(DiskSource source, String why) {
        return new EngineException(
                EngineException.Kind.PARENT_MISMATCH,
                "image " + source.imageId() + " cannot be backed up as an increment: " + why
                        + ". Everything has to be read");
    }

    /** Reads units and stores their chunks. */
    private static final class ChunkWorker implements WorkPipeline.Worker<ReadUnit> {
        private final ChunkWriter writer;
        private final ByteBuffer buffer = ByteBuffer.allocateDirect(ReadUnit.MAX_CHUNKS * ChunkGeometry.CHUNK_BYTES);

        ChunkWorker(BackupSession session) {
            writer = session.newWriter();
        }

        @Override
        public void work(ReadUnit unit) throws IOException {
            long offset = unit.firstChunk() * ChunkGeometry.CHUNK_BYTES;
            int length = (int) Math.min(
                    (long) unit.chunks() * ChunkGeometry.CHUNK_BYTES,
                    unit.image().sizeBytes() - offset);
            read(unit, offset, length);
            for (int i = 0; i < unit.chunks(); i++) {
                ByteBuffer content = buffer.slice(i * ChunkGeometry.CHUNK_BYTES, ChunkGeometry.CHUNK_BYTES);
                writer.storeSubChunks(unit.image(), unit.firstChunk() + i, unit.masks()[i], content);
            }
            try {
                unit.source().done(offset, length);
            } catch (IOException e) {
                throw failed(unit, offset, e);
            }
        }

        private void read(ReadUnit unit, long offset, int length) throws IOException {
            buffer.clear();
            try {
                unit.source().read(offset, buffer, length);
            } catch (IOException e) {
                throw failed(unit, offset, e);
            }
            if (buffer.position() != length) {
                throw failed(unit, offset, new IOException("got " + buffer.position() + " of " + length + " bytes"));
            }
            while (buffer.position() < unit.chunks() * ChunkGeometry.CHUNK_BYTES) {
                buffer.put((byte) 0);
            }
        }

        private static EngineException failed(ReadUnit unit, long offset, IOException e) {
            return new EngineException(
                    EngineException.Kind.SOURCE_FAILED,
                    "image " + unit.image().imageId() + " could not be read at " + offset + ": " + e.getMessage()
                            + ". Nothing was committed; back up again",
                    e);
        }

        @Override
        public void close() {
            writer.close();
        }
    }
}
