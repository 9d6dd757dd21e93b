package org.tidemark.backup.engine;

import org.tidemark.backup.repository.log.PointCounters;

/**
 * Told how far a backup is, a few times a second and at the end, by the thread that called the engine. Must be quick.
 */
@FunctionalInterface
public interface BackupProgress {
    /** Tells nobody. */
    BackupProgress SILENT = (imageId, offsetBytes, counters) -> {};

    /**
     * Progress.
     *
     * @param imageId the image being read
     * @param offsetBytes how far its ranges are handed out
     * @param counters all images together
     */
    void progress(String imageId, long offsetBytes, PointCounters counters);
}
