package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.backup.repository.chunk.ChunkId;

/** One pack while it grows. Not safe for several threads. */
final class PackBuilder {
    private final PackId id;
    private final SlabPool pool;
    private final List<ByteBuffer> slabs = new ArrayList<>();
    private final List<PackEntry> entries = new ArrayList<>();
    private int lengthBytes;
    private ByteBuffer footer = ByteBuffer.allocate(0);

    PackBuilder(PackId repository, PackId id, long createdMillis, SlabPool pool) {
        this.id = id;
        this.pool = pool;
        append(PackFrame.header(repository, id, createdMillis));
    }

    PackId id() {
        return id;
    }

    List<PackEntry> entries() {
        return entries;
    }

    /** Whether one more segment would pass the limit. */
    boolean isFull(int segmentBytes, int targetBytes) {
        return entries.size() == PackLimits.MAX_SEGMENTS
                || (!entries.isEmpty() && (long) lengthBytes + segmentBytes > targetBytes);
    }

    SegmentRef add(ChunkId segmentId, ByteBuffer segment) {
        SegmentRef ref = new SegmentRef(id, lengthBytes, segment.remaining());
        SegmentKind kind = SegmentKind.ofCode(segment.get(0));
        if (kind == null) {
            throw new IllegalArgumentException("not a segment");
        }
        entries.add(new PackEntry(
                segmentId,
                ref.offsetBytes(),
                ref.lengthBytes(),
                segment.getInt(8),
                kind,
                segment.get(1),
                segment.getShort(2) & 0xFFFF));
        append(segment);
        return ref;
    }

    private void append(ByteBuffer bytes) {
        ByteBuffer rest = bytes.duplicate();
        lengthBytes += rest.remaining();
        while (rest.hasRemaining()) {
            ByteBuffer slab = slabs.isEmpty() ? null : slabs.get(slabs.size() - 1);
            if (slab == null || !slab.hasRemaining()) {
                slab = pool.take();
                slabs.add(slab);
            }
            int part = Math.min(slab.remaining(), rest.remaining());
            slab.put(rest.slice(rest.position(), part));
            rest.position(rest.position() + part);
        }
    }

    /** The whole pack, index and footer included. Nothing may be added afterwards. */
    List<ByteBuffer> seal() {
        ByteBuffer tail = PackFrame.tail(id, entries, lengthBytes);
        footer = tail.slice(tail.limit() - PackLimits.FOOTER_BYTES, PackLimits.FOOTER_BYTES);
        append(tail);
        return slabs.stream().map(slab -> slab.duplicate().flip()).toList();
    }

    /** What a sealed pack ends in. */
    ByteBuffer footer() {
        return footer.duplicate();
    }

    int lengthBytes() {
        return lengthBytes;
    }

    void release() {
        pool.give(slabs);
        slabs.clear();
    }
}
