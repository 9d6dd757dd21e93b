package org.tidemark.backup.repository.map;

import java.nio.ByteBuffer;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentRef;

/** Names a node of a map: its place and its SHA-256. 56 bytes. */
public record MapRef(SegmentRef segment, ChunkId id) {
    static final int BYTES = PackId.BYTES + 8 + ChunkId.BYTES;

    static MapRef get(ByteBuffer src) {
        SegmentRef segment = new SegmentRef(PackId.get(src), src.getInt(), src.getInt());
        return new MapRef(segment, ChunkId.get(src));
    }

    void put(ByteBuffer dst) {
        segment.pack().put(dst);
        dst.putInt(segment.offsetBytes()).putInt(segment.lengthBytes());
        id.put(dst);
    }
}
