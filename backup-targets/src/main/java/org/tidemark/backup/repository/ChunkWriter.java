package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.map.MapEntry;
import org.tidemark.backup.repository.map.MapEntry.Mosaic;
import org.tidemark.backup.repository.map.MapEntry.SegmentUse;
import org.tidemark.backup.repository.map.MapEntry.Whole;
import org.tidemark.backup.repository.pack.SegmentEncoder;
import org.tidemark.backup.repository.pack.SegmentKind;
import org.tidemark.backup.repository.pack.SegmentRef;

/**
 * Hashes, compresses and stores chunks. For one thread; several writers of a session work in parallel. Allocates little
 * and keeps no content.
 */
public final class ChunkWriter implements AutoCloseable {
    /** More changed sub-chunks than this, and the whole chunk is shipped: it reads better. */
    private static final int MAX_CHANGED_SUB_CHUNKS = ChunkGeometry.SUB_CHUNKS / 2;

    private final BackupSession session;
    private final SegmentEncoder encoder;
    private final MessageDigest sha256 = ChunkId.newDigest();
    private final ByteBuffer dense = ByteBuffer.allocateDirect(ChunkGeometry.CHUNK_BYTES);

    ChunkWriter(BackupSession session, int zstdLevel) {
        this.session = session;
        encoder = new SegmentEncoder(zstdLevel);
    }

    /** Stores a chunk of which any part may have changed; see {@link #storeSubChunks}. */
    public StoreOutcome storeChunk(SessionImage image, long chunk, ByteBuffer content) throws IOException {
        return storeSubChunks(image, chunk, ChunkGeometry.WHOLE_MASK, content);
    }

    /**
     * Stores a chunk.
     *
     * @param changedMask which sub-chunks may differ from the parent's, bit 0 the first; the others must not
     * @param content a direct buffer with the 64 KiB of the assembled chunk remaining, zeros behind the end of the
     *     image; its position stays
     */
    public StoreOutcome storeSubChunks(SessionImage image, long chunk, int changedMask, ByteBuffer content)
            throws IOException {
        if (content.remaining() != ChunkGeometry.CHUNK_BYTES || !content.isDirect()) {
            throw new IllegalArgumentException("a chunk has 64 KiB in a direct buffer, not " + content);
        }
        try {
            StoreOutcome outcome = store(image, chunk, changedMask, content);
            long behindEnd = Math.max(0, (chunk + 1) * ChunkGeometry.CHUNK_BYTES - image.sizeBytes());
            session.tally().stored(outcome, ChunkGeometry.CHUNK_BYTES - behindEnd);
            return outcome;
        } catch (IOException | RuntimeException e) {
            session.fail(e);
            throw e;
        }
    }

    private StoreOutcome store(SessionImage image, long chunk, int changedMask, ByteBuffer content) throws IOException {
        MapEntry before = image.entry(chunk);
        if (ChunkGeometry.isZero(content)) {
            if (before.hash().equals(ChunkId.ZERO_CHUNK)) {
                return StoreOutcome.UNCHANGED;
            }
            image.set(chunk, MapEntry.ZERO);
            return StoreOutcome.ZERO;
        }
        ChunkId id = ChunkId.of(content, sha256);
        if (before.hash().equals(id)) {
            return StoreOutcome.UNCHANGED;
        }
        Optional<SegmentRef> known = session.find(id, image.isFull());
        if (known.isPresent()) {
            image.set(chunk, new Whole(id, known.get()));
            return StoreOutcome.DEDUPLICATED;
        }
        List<SegmentUse> kept = keptUses(before, changedMask);
        if (Integer.bitCount(changedMask) <= MAX_CHANGED_SUB_CHUNKS && kept.size() < MapEntry.MAX_SEGMENTS) {
            image.set(chunk, new Mosaic(id, shipSubChunks(kept, changedMask, content)));
            return StoreOutcome.SUB_CHUNKS;
        }
        SegmentRef ref = session.append(id, encoder.encode(SegmentKind.WHOLE, ChunkGeometry.WHOLE_MASK, content));
        session.tally().shipped(ChunkGeometry.CHUNK_BYTES);
        image.set(chunk, new Whole(id, ref));
        return StoreOutcome.WHOLE;
    }

    /** What the parent's segments still give when the changed sub-chunks come from elsewhere. */
    private static List<SegmentUse> keptUses(MapEntry before, int changedMask) {
        List<SegmentUse> kept = new ArrayList<>(MapEntry.MAX_SEGMENTS + 1);
        List<SegmentUse> uses = List.of();
        if (before instanceof Whole whole) {
            uses = List.of(new SegmentUse(ChunkGeometry.WHOLE_MASK, whole.segment()));
        } else if (before instanceof Mosaic mosaic) {
            uses = mosaic.uses();
        }
        for (SegmentUse use : uses) {
            int mask = use.mask() & ~changedMask;
            if (mask != 0) {
                kept.add(new SegmentUse(mask, use.segment()));
            }
        }
        return kept;
    }

    /** Adds a segment of the changed sub-chunks that are not zero; zero ones need none. */
    private List<SegmentUse> shipSubChunks(List<SegmentUse> kept, int changedMask, ByteBuffer content)
            throws IOException {
        int mask = 0;
        dense.clear();
        for (int sub = 0; sub < ChunkGeometry.SUB_CHUNKS; sub++) {
            if ((changedMask >> sub & 1) != 0 && !ChunkGeometry.isZero(content, sub)) {
                mask |= 1 << sub;
                dense.put(content.slice(
                        content.position() + sub * ChunkGeometry.SUB_CHUNK_BYTES, ChunkGeometry.SUB_CHUNK_BYTES));
            }
        }
        if (mask != 0) {
            dense.flip();
            ChunkId denseId = ChunkId.of(dense, sha256);
            kept.add(
                    new SegmentUse(mask, session.append(denseId, encoder.encode(SegmentKind.SUB_CHUNKS, mask, dense))));
            session.tally().shipped(dense.remaining());
        }
        return List.copyOf(kept);
    }

    @Override
    public void close() {
        encoder.close();
    }
}
