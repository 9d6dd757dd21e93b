package org.tidemark.backup.engine;

import java.io.IOException;
import java.util.Arrays;
import org.tidemark.backup.repository.SessionImage;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Turns the ranges of one image into units of neighbouring chunks. One thread. */
final class BackupPlanner implements DiskSource.RangeVisitor {
    /** Zero runs longer than this (4 GiB) wait for the workers, so that few pages of the map are open. */
    private static final long MAX_ZERO_RUN = 64 * 1024;

    private final DiskSource source;
    private final SessionImage image;
    private final WorkPipeline<ReadUnit> pipeline;
    private final Runnable progress;
    private final boolean full;
    private final int[] masks = new int[ReadUnit.MAX_CHUNKS];
    private long firstChunk;
    private int chunks;
    private long endOfRangesBytes;
    private long nextUnseenChunk;

    BackupPlanner(DiskSource source, SessionImage image, WorkPipeline<ReadUnit> pipeline, Runnable progress) {
        this.source = source;
        this.image = image;
        this.pipeline = pipeline;
        this.progress = progress;
        full = source.changes() instanceof ChangeInfo.Full;
    }

    @Override
    public void range(long offsetBytes, long lengthBytes) throws IOException {
        boolean aligned = offsetBytes % ChunkGeometry.SUB_CHUNK_BYTES == 0
                && (lengthBytes % ChunkGeometry.SUB_CHUNK_BYTES == 0 || offsetBytes + lengthBytes == image.sizeBytes());
        if (!aligned
                || lengthBytes <= 0
                || offsetBytes < endOfRangesBytes
                || lengthBytes > image.sizeBytes() - offsetBytes) {
            throw new EngineException(
                    EngineException.Kind.SOURCE_FAILED,
                    "image " + image.imageId() + " reports a change of " + lengthBytes + " bytes at " + offsetBytes
                            + ", after " + endOfRangesBytes + " and within " + image.sizeBytes() + ": that cannot be");
        }
        endOfRangesBytes = offsetBytes + lengthBytes;
        long last = (endOfRangesBytes - 1) / ChunkGeometry.CHUNK_BYTES;
        for (long chunk = offsetBytes / ChunkGeometry.CHUNK_BYTES; chunk <= last; chunk++) {
            add(chunk, full ? ChunkGeometry.WHOLE_MASK : maskOf(chunk, offsetBytes, endOfRangesBytes));
        }
    }

    private static int maskOf(long chunk, long fromBytes, long toBytes) {
        long base = chunk * ChunkGeometry.CHUNK_BYTES;
        int first = (int) (Math.max(0, fromBytes - base) / ChunkGeometry.SUB_CHUNK_BYTES);
        long end = Math.min(ChunkGeometry.CHUNK_BYTES, toBytes - base);
        int last = (int) ((end - 1) / ChunkGeometry.SUB_CHUNK_BYTES);
        return (1 << last + 1) - (1 << first);
    }

    private void add(long chunk, int mask) throws IOException {
        if (chunks > 0 && chunk == firstChunk + chunks - 1) {
            masks[chunks - 1] |= mask;
            return;
        }
        if (chunks == ReadUnit.MAX_CHUNKS || (chunks > 0 && chunk != firstChunk + chunks)) {
            submit();
        }
        if (chunks == 0) {
            zeroUpTo(chunk);
            firstChunk = chunk;
        }
        masks[chunks++] = mask;
        nextUnseenChunk = chunk + 1;
    }

    /** In a full backup what lies between the ranges is zero. */
    private void zeroUpTo(long chunk) throws IOException {
        while (full && nextUnseenChunk < chunk) {
            long run = Math.min(MAX_ZERO_RUN, chunk - nextUnseenChunk);
            if (run == MAX_ZERO_RUN) {
                pipeline.drain();
                image.sealBelow(nextUnseenChunk);
            }
            image.storeZero(nextUnseenChunk, run);
            long offset = nextUnseenChunk * ChunkGeometry.CHUNK_BYTES;
            nextUnseenChunk += run;
            done(offset, plannedBytes() - offset);
        }
    }

    private void done(long offsetBytes, long lengthBytes) throws EngineException {
        try {
            source.done(offsetBytes, lengthBytes);
        } catch (IOException e) {
            throw new EngineException(
                    EngineException.Kind.SOURCE_FAILED,
                    "image " + image.imageId() + " failed at " + offsetBytes + ": " + e.getMessage()
                            + ". Nothing was committed; back up again",
                    e);
        }
    }

    private void submit() throws IOException {
        pipeline.submit(new ReadUnit(source, image, firstChunk, Arrays.copyOf(masks, chunks)));
        chunks = 0;
        image.sealBelow(pipeline.oldest().map(ReadUnit::firstChunk).orElse(nextUnseenChunk));
        progress.run();
    }

    /** After the last range: hands out the rest and waits for the workers. */
    void finish() throws IOException {
        if (chunks > 0) {
            submit();
        }
        zeroUpTo(image.chunks());
        pipeline.drain();
        image.sealBelow(image.chunks());
        progress.run();
    }

    long plannedBytes() {
        return Math.min(nextUnseenChunk * ChunkGeometry.CHUNK_BYTES, image.sizeBytes());
    }
}
