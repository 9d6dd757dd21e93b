package org.tidemark.backup.repository.log;

/**
 * What a session did.
 *
 * @param chunksRead chunks read from the disk
 * @param chunksChanged those that differ from the parent's
 * @param chunksShipped those of which anything had to be stored; the rest was zero, or stored before
 * @param bytesRead bytes read from the disk
 * @param bytesShipped raw bytes of what was stored
 * @param bytesStored bytes of the packs, maps included
 * @param packs objects put, the log record not counted
 */
public record PointCounters(
        long chunksRead,
        long chunksChanged,
        long chunksShipped,
        long bytesRead,
        long bytesShipped,
        long bytesStored,
        long packs) {}
