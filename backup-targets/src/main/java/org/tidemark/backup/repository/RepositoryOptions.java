package org.tidemark.backup.repository;

import java.security.SecureRandom;
import java.time.Clock;
import java.util.random.RandomGenerator;
import org.tidemark.backup.repository.pack.PackLimits;

/**
 * How this process works with a repository. Nothing here is part of the format.
 *
 * @param random must be safe for many threads; ids of packs and points come from it
 * @param packBytes packs are sealed at this size, at most 32 MiB
 * @param indexEntries bound of the deduplication index
 */
public record RepositoryOptions(Clock clock, RandomGenerator random, int zstdLevel, int packBytes, int indexEntries) {
    public static final int DEFAULT_INDEX_ENTRIES = 4 << 20;

    public RepositoryOptions {
        if (packBytes < 1 || packBytes > PackLimits.TARGET_PACK_BYTES || indexEntries < 0) {
            throw new IllegalArgumentException("packs of " + packBytes + " bytes, " + indexEntries + " index entries");
        }
    }

    public static RepositoryOptions defaults() {
        return new RepositoryOptions(
                Clock.systemUTC(), new SecureRandom(), 1, PackLimits.TARGET_PACK_BYTES, DEFAULT_INDEX_ENTRIES);
    }
}
