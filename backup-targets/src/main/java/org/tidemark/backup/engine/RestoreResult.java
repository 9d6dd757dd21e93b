package org.tidemark.backup.engine;

/**
 * A restore that is complete.
 *
 * @param bytesWritten bytes that were not zero
 */
public record RestoreResult(long sizeBytes, long bytesWritten, double seconds) {}
