package org.tidemark.backup.repository.pack;

import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Sizes of the parts of a pack; every number read from a file is compared with them before it is used. */
public final class PackLimits {
    public static final int VERSION = 1;
    public static final int HEADER_BYTES = 128;
    public static final int FOOTER_BYTES = 64;
    public static final int INDEX_ENTRY_BYTES = 48;
    public static final int SEGMENT_HEADER_BYTES = 16;
    public static final int MAX_SEGMENTS = 1 << 16;
    public static final int MAX_PACK_BYTES = 64 << 20;
    public static final int TARGET_PACK_BYTES = 32 << 20;
    /** Raw bytes of a map node. */
    public static final int MAX_NODE_BYTES = 1 << 20;

    private PackLimits() {}

    static int maxRawBytes(SegmentKind kind) {
        return kind.isNode() ? MAX_NODE_BYTES : ChunkGeometry.CHUNK_BYTES;
    }
}
