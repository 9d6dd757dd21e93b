package org.tidemark.backup.repository;

import java.io.IOException;
import java.util.Optional;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.map.ImageMapBuilder;
import org.tidemark.backup.repository.map.MapEntry;

/** One image in a session. Safe for many threads. */
public final class SessionImage {
    private final BackupSession session;
    private final String imageId;
    private final long sizeBytes;
    private final Optional<String> fullReason;
    private final Optional<CbtCheckpoint> checkpoint;
    /** Guarded by this. */
    private final ImageMapBuilder map;

    SessionImage(
            BackupSession session,
            String imageId,
            long sizeBytes,
            Optional<String> fullReason,
            Optional<CbtCheckpoint> checkpoint,
            ImageMapBuilder map) {
        this.session = session;
        this.imageId = imageId;
        this.sizeBytes = sizeBytes;
        this.fullReason = fullReason;
        this.checkpoint = checkpoint;
        this.map = map;
    }

    public String imageId() {
        return imageId;
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    /** Whether everything is read, and much may be found that is stored already. */
    boolean isFull() {
        return fullReason.isPresent();
    }

    /** How many chunks the image has; the last may be partial. */
    public long chunks() {
        return map.chunks();
    }

    /** Makes chunks zero. Those that are already cost nothing. */
    public void storeZero(long firstChunk, long count) throws IOException {
        try {
            long changed;
            synchronized (this) {
                changed = map.setZero(firstChunk, count);
            }
            session.tally().zeroed(changed);
        } catch (IOException | RuntimeException e) {
            session.fail(e);
            throw e;
        }
    }

    /**
     * Says that no chunk below {@code chunk} is stored from now on, so that its part of the map can leave the memory.
     */
    public void sealBelow(long chunk) throws IOException {
        try {
            synchronized (this) {
                map.sealBelow(chunk);
            }
        } catch (IOException | RuntimeException e) {
            session.fail(e);
            throw e;
        }
    }

    synchronized MapEntry entry(long chunk) throws IOException {
        return map.entry(chunk);
    }

    synchronized void set(long chunk, MapEntry entry) throws IOException {
        map.set(chunk, entry);
    }

    synchronized PointImage finish() throws IOException {
        return new PointImage(imageId, sizeBytes, map.finish(), fullReason, checkpoint);
    }
}
