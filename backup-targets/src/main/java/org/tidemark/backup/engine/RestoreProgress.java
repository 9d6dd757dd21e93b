package org.tidemark.backup.engine;

/** Told how far a restore is, by the thread that called the engine. Must be quick. */
@FunctionalInterface
public interface RestoreProgress {
    /** Tells nobody. */
    RestoreProgress SILENT = (offsetBytes, sizeBytes, bytesWritten) -> {};

    /**
     * Progress.
     *
     * @param offsetBytes how far the image is handed out
     * @param bytesWritten bytes that were not zero
     */
    void progress(long offsetBytes, long sizeBytes, long bytesWritten);
}
