package org.tidemark.backup.repository.pack;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * Reads segments by their place, and the indexes of packs. Checks every segment every time, and the header of a pack
 * when it meets it first; except that where requests cost something, map nodes and indexes are read without: their
 * SHA-256 and their footer prove them, and the header is looked at when they do not. Safe for many threads; each borrows
 * a workspace of its own.
 */
public final class SegmentReader implements AutoCloseable {
    private static final int TAIL_BYTES = 128 << 10;

    /** A window that begins below this begins at the header, when that was not checked yet. */
    private static final int HEADER_REACH_BYTES = 256 << 10;

    private static final int REMEMBERED_HEADERS = 1 << 16;

    private final BackupTarget target;
    private final PackId repository;
    private final Consumer<PackId> damageListener;
    private final ConcurrentLinkedDeque<Workspace> idle;
    private final Set<PackId> checkedHeaders;
    private final ArenaPool arenas;
    /** How much one request had best read; 0 where requests are cheap. */
    private final int preferredBytes;

    private static Set<PackId> newHeaderSet() {
        return Collections.synchronizedSet(Collections.newSetFromMap(new java.util.LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<PackId, Boolean> eldest) {
                return size() > REMEMBERED_HEADERS;
            }
        }));
    }

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
        preferredBytes = target.capabilities().preferredReadBytes();
        idle = new ConcurrentLinkedDeque<>();
        checkedHeaders = newHeaderSet();
        arenas = new ArenaPool(2 * preferredBytes);
    }

    private SegmentReader(SegmentReader other, BackupTarget target) {
        this.target = target;
        repository = other.repository;
        damageListener = other.damageListener;
        preferredBytes = other.preferredBytes;
        idle = other.idle;
        checkedHeaders = other.checkedHeaders;
        arenas = other.arenas;
    }

    /** The same reader, sending its requests to {@code sameStore}. Shares what is known and the buffers. */
    public SegmentReader through(BackupTarget sameStore) {
        return new SegmentReader(this, sameStore);
    }

    /** How much one request had best read where much is read in a row; 0 where requests are cheap. */
    public int preferredReadBytes() {
        return preferredBytes;
    }

    /**
     * Reads what {@code refs} need in as few requests as is sensible. Only for a target that prefers large reads. What
     * is damaged or missing is left out, and told when it is asked for.
     */
    public SegmentWindows ahead(Collection<SegmentRef> refs) throws IOException {
        SegmentWindows windows = new SegmentWindows(arenas);
        boolean done = false;
        try {
            for (SegmentWindows.Window window : SegmentWindows.plan(refs, preferredBytes)) {
                try {
                    load(windows, window);
                } catch (RepositoryException e) {
                    // The segments in it are read one by one, and each says what is wrong with it.
                }
            }
            done = true;
            return windows;
        } finally {
            if (!done) {
                windows.close();
            }
        }
    }

    private void load(SegmentWindows windows, SegmentWindows.Window window) throws IOException {
        boolean checked = checkedHeaders.contains(window.pack());
        int from = !checked && window.fromBytes() <= HEADER_REACH_BYTES ? 0 : window.fromBytes();
        ByteBuffer room = windows.room(window.toBytes() - from);
        if (room == null) {
            return;
        }
        if (!checked && from > 0) {
            checkHeader(window.pack());
        }
        get(window.pack(), ByteRange.upTo(from, room.capacity()), room);
        if (!checked && from == 0 && room.position() >= PackLimits.HEADER_BYTES) {
            ByteBuffer header =
                    ByteBuffer.allocate(PackLimits.HEADER_BYTES).put(room.slice(0, PackLimits.HEADER_BYTES));
            PackFrame.checkHeader(header, repository, window.pack());
            checkedHeaders.add(window.pack());
        }
        windows.loaded(window.pack(), from, room);
    }

    /** Reads a map node. What is returned is a fresh heap buffer, little-endian. */
    public ByteBuffer readNode(SegmentRef ref, SegmentKind kind) throws IOException {
        Workspace workspace = borrow();
        try {
            checkPlace(ref, PackLimits.MAX_NODE_BYTES);
            if (preferredBytes == 0) {
                checkHeader(ref.pack());
            }
            ByteBuffer segment = fetch(workspace, ref);
            SegmentDecoder.Header header = workspace.decoder.check(ref, segment);
            if (header.kind() != kind) {
                throw RepositoryException.damaged(ref + " holds " + header.kind() + " where the map needs " + kind);
            }
            ByteBuffer raw = workspace.nodeRoom(header.rawBytes());
            workspace.decoder.decode(ref, header, segment, raw);
            return ByteBuffer.allocate(header.rawBytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(raw.flip())
                    .flip();
        } catch (RepositoryException e) {
            damageListener.accept(ref.pack());
            explain(ref.pack());
            throw e;
        } finally {
            idle.push(workspace);
        }
    }

    /** After a node was found wrong: a pack that is not what it should be says more about why. */
    public void explain(PackId pack) throws IOException {
        checkHeader(pack);
    }

    /**
     * Reads the sub-chunks {@code mask} of a segment to their places in {@code chunk}, a direct buffer of 64 KiB; its
     * other bytes stay, its position does not move.
     *
     * @param ahead where the segment may lie already
     */
    public void readSubChunks(SegmentRef ref, int mask, ByteBuffer chunk, @Nullable SegmentWindows ahead)
            throws IOException {
        Workspace workspace = borrow();
        try {
            checkPlace(ref, ChunkGeometry.CHUNK_BYTES);
            checkHeader(ref.pack());
            ByteBuffer found = ahead == null ? null : ahead.find(ref);
            ByteBuffer segment = found == null ? fetch(workspace, ref) : found;
            SegmentDecoder.Header header = workspace.decoder.check(ref, segment);
            if (header.kind().isNode() || (mask & ~header.mask()) != 0) {
                throw RepositoryException.damaged(ref + " does not hold the sub-chunks that the map takes from it");
            }
            if (mask == ChunkGeometry.WHOLE_MASK) {
                workspace.decoder.decode(ref, header, segment, chunk.duplicate().clear());
                return;
            }
            workspace.decoder.decode(ref, header, segment, workspace.sparse.clear());
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

    private static void checkPlace(SegmentRef ref, int maxRawBytes) throws RepositoryException {
        int lengthBytes = ref.lengthBytes();
        if (lengthBytes <= PackLimits.SEGMENT_HEADER_BYTES
                || lengthBytes > PackLimits.SEGMENT_HEADER_BYTES + maxRawBytes
                || ref.offsetBytes() < PackLimits.HEADER_BYTES
                || ref.offsetBytes() > PackLimits.MAX_PACK_BYTES) {
            throw RepositoryException.damaged(ref + ": a map names " + lengthBytes + " bytes there, which cannot be");
        }
    }

    private ByteBuffer fetch(Workspace workspace, SegmentRef ref) throws IOException {
        ByteBuffer segment = workspace.room(ref.lengthBytes());
        get(ref.pack(), ByteRange.exact(ref.offsetBytes(), ref.lengthBytes()), segment);
        return segment.flip();
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
        if (preferredBytes == 0) {
            checkHeader(pack);
        }
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
