package org.tidemark.backup.repository.pack;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Consumer;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * Reads segments by their place, and the indexes of packs. Checks the header of a pack when it meets it first, and
 * every segment every time. Safe for many threads; each borrows a workspace of its own.
 */
public final class SegmentReader implements AutoCloseable {
    private static final int TAIL_BYTES = 256 << 10;
    private static final int REMEMBERED_HEADERS = 1 << 16;

    private final BackupTarget target;
    private final PackId repository;
    private final Consumer<PackId> damageListener;
    private final ConcurrentLinkedDeque<Workspace> idle = new ConcurrentLinkedDeque<>();
    private final Set<PackId> checkedHeaders =
            Collections.synchronizedSet(Collections.newSetFromMap(new java.util.LinkedHashMap<>() {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<PackId, Boolean> eldest) {
                    return size() > REMEMBERED_HEADERS;
                }
            }));

    /** Buffers and contexts of one reading thread. */
    private static final class Workspace {
        final SegmentDecoder decoder = new SegmentDecoder();
        ByteBuffer segment = buffer(PackLimits.SEGMENT_HEADER_BYTES + ChunkGeometry.CHUNK_BYTES);
        final ByteBuffer sparse = buffer(ChunkGeometry.CHUNK_BYTES);
        private ByteBuffer node = buffer(ChunkGeometry.CHUNK_BYTES);

        private static ByteBuffer buffer(int bytes) {
            return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        ByteBuffer nodeRoom(int bytes) {
            if (node.capacity() < bytes) {
                node = buffer(bytes);
            }
            return node.clear();
        }

        ByteBuffer room(int bytes) {
            if (segment.capacity() < bytes) {
                segment = buffer(bytes);
            }
            return segment.clear().limit(bytes);
        }
    }

    /**
     * A reader.
     *
     * @param damageListener told of each pack in which something was missing or damaged
     */
    public SegmentReader(BackupTarget target, PackId repository, Consumer<PackId> damageListener) {
        this.target = target;
        this.repository = repository;
        this.damageListener = damageListener;
    }

    /** Reads a map node. What is returned is a fresh heap buffer, little-endian. */
    public ByteBuffer readNode(SegmentRef ref, SegmentKind kind) throws IOException {
        Workspace workspace = borrow();
        try {
            SegmentDecoder.Header header = fetch(workspace, ref, PackLimits.MAX_NODE_BYTES);
            if (header.kind() != kind) {
                throw RepositoryException.damaged(ref + " holds " + header.kind() + " where the map needs " + kind);
            }
            ByteBuffer raw = workspace.nodeRoom(header.rawBytes());
            workspace.decoder.decode(ref, header, workspace.segment, raw);
            return ByteBuffer.allocate(header.rawBytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(raw.flip())
                    .flip();
        } catch (RepositoryException e) {
            damageListener.accept(ref.pack());
            throw e;
        } finally {
            idle.push(workspace);
        }
    }

    /**
     * Reads the sub-chunks {@code mask} of a segment to their places in {@code chunk}, a direct buffer of 64 KiB; its
     * other bytes stay, its position does not move.
     */
    public void readSubChunks(SegmentRef ref, int mask, ByteBuffer chunk) throws IOException {
        Workspace workspace = borrow();
        try {
            SegmentDecoder.Header header = fetch(workspace, ref, ChunkGeometry.CHUNK_BYTES);
            if (header.kind().isNode() || (mask & ~header.mask()) != 0) {
                throw RepositoryException.damaged(ref + " does not hold the sub-chunks that the map takes from it");
            }
            if (mask == ChunkGeometry.WHOLE_MASK) {
                workspace.decoder.decode(
                        ref, header, workspace.segment, chunk.duplicate().clear());
                return;
            }
            workspace.decoder.decode(ref, header, workspace.segment, workspace.sparse.clear());
            for (int sub = 0, at = 0; sub < ChunkGeometry.SUB_CHUNKS; sub++) {
                if ((mask >> sub & 1) != 0) {
                    chunk.put(sub * ChunkGeometry.SUB_CHUNK_BYTES, workspace.sparse, at, ChunkGeometry.SUB_CHUNK_BYTES);
                }
                at += (header.mask() >> sub & 1) * ChunkGeometry.SUB_CHUNK_BYTES;
            }
        } catch (RepositoryException e) {
            damageListener.accept(ref.pack());
            throw e;
        } finally {
            idle.push(workspace);
        }
    }

    private SegmentDecoder.Header fetch(Workspace workspace, SegmentRef ref, int maxRawBytes) throws IOException {
        int lengthBytes = ref.lengthBytes();
        if (lengthBytes <= PackLimits.SEGMENT_HEADER_BYTES
                || lengthBytes > PackLimits.SEGMENT_HEADER_BYTES + maxRawBytes
                || ref.offsetBytes() < PackLimits.HEADER_BYTES
                || ref.offsetBytes() > PackLimits.MAX_PACK_BYTES) {
            throw RepositoryException.damaged(ref + ": a map names " + lengthBytes + " bytes there, which cannot be");
        }
        checkHeader(ref.pack());
        ByteBuffer segment = workspace.room(lengthBytes);
        get(ref.pack(), ByteRange.exact(ref.offsetBytes(), lengthBytes), segment);
        segment.flip();
        return workspace.decoder.check(ref, segment);
    }

    private void checkHeader(PackId pack) throws IOException {
        if (checkedHeaders.contains(pack)) {
            return;
        }
        ByteBuffer header = ByteBuffer.allocate(PackLimits.HEADER_BYTES);
        get(pack, ByteRange.exact(0, PackLimits.HEADER_BYTES), header);
        PackFrame.checkHeader(header, repository, pack);
        checkedHeaders.add(pack);
    }

    /** The index of a pack. */
    public List<PackEntry> index(PackId pack) throws IOException {
        checkHeader(pack);
        ByteBuffer tail = ByteBuffer.allocate(TAIL_BYTES);
        long packBytes = get(pack, ByteRange.tail(TAIL_BYTES), tail);
        tail.flip();
        if (packBytes < PackLimits.HEADER_BYTES + PackLimits.FOOTER_BYTES || packBytes > PackLimits.MAX_PACK_BYTES) {
            throw RepositoryException.damaged("pack " + pack + " has " + packBytes + " bytes, which cannot be");
        }
        int footerAt = tail.limit() - PackLimits.FOOTER_BYTES;
        PackFrame.Footer footer = PackFrame.footer(tail.position(footerAt), pack, packBytes);
        if (footer.indexBytes() <= footerAt) {
            return PackFrame.index(tail.slice(footerAt - footer.indexBytes(), footer.indexBytes()), footer, pack);
        }
        ByteBuffer index = ByteBuffer.allocate(footer.indexBytes());
        get(pack, ByteRange.exact(footer.indexOffsetBytes(), footer.indexBytes()), index);
        return PackFrame.index(index.flip(), footer, pack);
    }

    private long get(PackId pack, ByteRange range, ByteBuffer dst) throws IOException {
        try {
            return target.get(pack.key(), range, dst);
        } catch (TargetException e) {
            switch (e.kind()) {
                case NOT_FOUND, CORRUPT ->
                    throw RepositoryException.damaged(
                            "pack " + pack + " is missing or too short: " + e.getMessage(), e);
                default -> throw e;
            }
        }
    }

    private Workspace borrow() {
        Workspace workspace = idle.poll();
        return workspace == null ? new Workspace() : workspace;
    }

    @Override
    public void close() {
        for (Workspace workspace = idle.poll(); workspace != null; workspace = idle.poll()) {
            workspace.decoder.close();
        }
    }
}
