package org.tidemark.backup.repository.chunk;

import java.nio.ByteBuffer;

/** The fixed grid: chunks of 64 KiB with 16 sub-chunks of 4 KiB. */
public final class ChunkGeometry {
    public static final int CHUNK_BYTES = 64 << 10;
    public static final int SUB_CHUNK_BYTES = 4 << 10;
    public static final int SUB_CHUNKS = CHUNK_BYTES / SUB_CHUNK_BYTES;
    /** All sub-chunks of a chunk. */
    public static final int WHOLE_MASK = (1 << SUB_CHUNKS) - 1;

    public static final long MAX_IMAGE_BYTES = 64L << 40;

    private static final ByteBuffer ZEROS =
            ByteBuffer.allocateDirect(CHUNK_BYTES).asReadOnlyBuffer();

    private ChunkGeometry() {}

    /** How many chunks an image has; the last may be partial. */
    public static long chunksOf(long sizeBytes) {
        return (sizeBytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    }

    /** Whether the remaining bytes, at most a chunk, are all zero. */
    public static boolean isZero(ByteBuffer bytes) {
        return bytes.mismatch(ZEROS.slice(0, bytes.remaining())) < 0;
    }

    /** Whether sub-chunk {@code subChunk} of a whole chunk is all zero. */
    public static boolean isZero(ByteBuffer chunk, int subChunk) {
        return isZero(chunk.slice(chunk.position() + subChunk * SUB_CHUNK_BYTES, SUB_CHUNK_BYTES));
    }
}
