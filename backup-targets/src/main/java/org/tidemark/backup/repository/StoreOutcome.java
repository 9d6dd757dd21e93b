package org.tidemark.backup.repository;

/** What became of a chunk. */
public enum StoreOutcome {
    /** The parent has the same. */
    UNCHANGED,
    /** All zero now; nothing was stored. */
    ZERO,
    /** The repository had the content already. */
    DEDUPLICATED,
    /** Only sub-chunks that changed were stored. */
    SUB_CHUNKS,
    /** The whole chunk was stored. */
    WHOLE
}
