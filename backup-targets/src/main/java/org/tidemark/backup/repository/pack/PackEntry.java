package org.tidemark.backup.repository.pack;

import org.tidemark.backup.repository.chunk.ChunkId;

/** One line of a pack's index. */
public record PackEntry(
        ChunkId id, int offsetBytes, int lengthBytes, int rawBytes, SegmentKind kind, int codec, int mask) {}
