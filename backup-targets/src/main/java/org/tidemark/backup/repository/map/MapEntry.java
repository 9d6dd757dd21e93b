package org.tidemark.backup.repository.map;

import java.util.List;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.pack.SegmentRef;

/** Where one chunk is. */
public sealed interface MapEntry {
    int MAX_SEGMENTS = 4;

    MapEntry ZERO = new Zero();

    /** The SHA-256 of the assembled chunk. */
    ChunkId hash();

    /** Nothing but zeros. */
    record Zero() implements MapEntry {
        @Override
        public ChunkId hash() {
            return ChunkId.ZERO_CHUNK;
        }
    }

    /** One segment holds it all. */
    record Whole(ChunkId hash, SegmentRef segment) implements MapEntry {}

    /** Sub-chunks from up to four segments; those that none gives are zero. */
    record Mosaic(ChunkId hash, List<SegmentUse> uses) implements MapEntry {
        public Mosaic {
            int seen = 0;
            for (SegmentUse use : uses) {
                if (use.mask() == 0 || (use.mask() & seen) != 0 || use.mask() >>> 16 != 0) {
                    throw new IllegalArgumentException("masks of a mosaic overlap or are empty: " + uses);
                }
                seen |= use.mask();
            }
            if (uses.isEmpty() || uses.size() > MAX_SEGMENTS) {
                throw new IllegalArgumentException("a mosaic of " + uses.size() + " segments");
            }
        }
    }

    /** The sub-chunks {@code mask} come from {@code segment}. */
    record SegmentUse(int mask, SegmentRef segment) {}
}
