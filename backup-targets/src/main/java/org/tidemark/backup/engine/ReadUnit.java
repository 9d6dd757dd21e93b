package org.tidemark.backup.engine;

import org.tidemark.backup.repository.SessionImage;

/** A few neighbouring chunks to read at once; {@code masks} says for each which sub-chunks may have changed. */
record ReadUnit(DiskSource source, SessionImage image, long firstChunk, int[] masks) {
    static final int MAX_CHUNKS = 4;

    int chunks() {
        return masks.length;
    }
}
