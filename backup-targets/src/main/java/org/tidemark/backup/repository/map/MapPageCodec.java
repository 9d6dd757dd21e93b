package org.tidemark.backup.repository.map;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.map.MapEntry.Mosaic;
import org.tidemark.backup.repository.map.MapEntry.SegmentUse;
import org.tidemark.backup.repository.map.MapEntry.Whole;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentRef;

/** Pages as bytes: docs/format/repository.md section 5. */
final class MapPageCodec {
    private static final int KIND_ZERO = 0;
    private static final int KIND_WHOLE = 1;
    private static final int KIND_MOSAIC = 2;
    private static final int MAX_PACKS = MapShape.PAGE_CHUNKS * MapEntry.MAX_SEGMENTS;
    private static final int WHOLE_BYTES = ChunkId.BYTES + 10;
    private static final int MAX_MOSAIC_BYTES = ChunkId.BYTES + 1 + MapEntry.MAX_SEGMENTS * 12;

    private MapPageCodec() {}

    /** A node for the entries named by {@code which}; {@code complete} when it names all. Direct and little-endian. */
    static ByteBuffer encode(int page, boolean complete, MapEntry[] entries, BitSet which) {
        Map<PackId, Integer> packs = new LinkedHashMap<>();
        for (int i = which.nextSetBit(0); i >= 0; i = which.nextSetBit(i + 1)) {
            for (SegmentUse use : usesOf(entries[i])) {
                packs.putIfAbsent(use.segment().pack(), packs.size());
            }
        }
        int bound = NodeHeader.BYTES + 4 + packs.size() * PackId.BYTES + which.cardinality() * (6 + MAX_MOSAIC_BYTES);
        ByteBuffer node = ByteBuffer.allocateDirect(bound).order(ByteOrder.LITTLE_ENDIAN);
        node.position(NodeHeader.BYTES);
        node.putShort((short) packs.size()).putShort((short) 0);
        packs.keySet().forEach(pack -> pack.put(node));
        int runs = 0;
        for (int first = which.nextSetBit(0); first >= 0; runs++) {
            int kind = kindOf(entries[first]);
            int end = first + 1;
            while (which.get(end) && kindOf(entries[end]) == kind) {
                end++;
            }
            node.putShort((short) first).putShort((short) (end - first));
            node.put((byte) kind).put((byte) 0);
            for (int i = first; i < end; i++) {
                putEntry(node, entries[i], packs);
            }
            first = which.nextSetBit(end);
        }
        new NodeHeader(NodeHeader.PAGE, complete, page, runs)
                .put(node.duplicate().order(ByteOrder.LITTLE_ENDIAN).clear());
        return node.flip();
    }

    private static int kindOf(MapEntry entry) {
        return entry instanceof Whole ? KIND_WHOLE : entry instanceof Mosaic ? KIND_MOSAIC : KIND_ZERO;
    }

    private static List<SegmentUse> usesOf(MapEntry entry) {
        if (entry instanceof Whole whole) {
            return List.of(new SegmentUse(ChunkGeometry.WHOLE_MASK, whole.segment()));
        }
        return entry instanceof Mosaic mosaic ? mosaic.uses() : List.of();
    }

    private static void putEntry(ByteBuffer node, MapEntry entry, Map<PackId, Integer> packs) {
        if (entry instanceof Whole whole) {
            whole.hash().put(node);
            putSegment(node, whole.segment(), packs);
        } else if (entry instanceof Mosaic mosaic) {
            mosaic.hash().put(node);
            node.put((byte) mosaic.uses().size());
            for (SegmentUse use : mosaic.uses()) {
                node.putShort((short) use.mask());
                putSegment(node, use.segment(), packs);
            }
        }
    }

    private static void putSegment(ByteBuffer node, SegmentRef segment, Map<PackId, Integer> packs) {
        Integer number = packs.get(segment.pack());
        if (number == null) {
            throw new IllegalStateException("pack " + segment.pack() + " is not in the table of its page");
        }
        node.putShort((short) (int) number).putInt(segment.offsetBytes()).putInt(segment.lengthBytes());
    }

    /**
     * Puts what {@code node} says over {@code entries}, all of them when it is a complete page.
     *
     * @return which entries it named
     */
    static BitSet decode(ByteBuffer node, int page, boolean complete, MapEntry[] entries) throws RepositoryException {
        try {
            NodeHeader header = NodeHeader.get(node, NodeHeader.PAGE, page, MapShape.PAGE_CHUNKS);
            if (header.complete() != complete) {
                throw RepositoryException.damaged(
                        "map page " + page + " is a patch where a complete page is due, or the reverse");
            }
            BitSet named = decodeRuns(node, header.items(), entries);
            if (node.hasRemaining() || (complete && named.cardinality() != entries.length)) {
                throw RepositoryException.damaged("map page " + page + " is longer or shorter than it says");
            }
            return named;
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw RepositoryException.damaged("map page " + page + " makes no sense: " + e, e);
        }
    }

    private static BitSet decodeRuns(ByteBuffer node, int runs, MapEntry[] entries) throws RepositoryException {
        int packCount = node.getShort() & 0xFFFF;
        int reserved = node.getShort();
        if (packCount > MAX_PACKS || reserved != 0 || packCount * PackId.BYTES > node.remaining()) {
            throw RepositoryException.damaged(
                    "a map page names " + packCount + " packs in " + node.remaining() + " bytes");
        }
        List<PackId> packs = new ArrayList<>(packCount);
        for (int i = 0; i < packCount; i++) {
            packs.add(PackId.get(node));
        }
        BitSet named = new BitSet(entries.length);
        int next = 0;
        for (int run = 0; run < runs; run++) {
            int first = node.getShort() & 0xFFFF;
            int count = node.getShort() & 0xFFFF;
            int kind = node.get();
            int zero = node.get();
            if (first < next || count < 1 || first + count > entries.length || zero != 0) {
                throw RepositoryException.damaged(
                        "a run of a map page covers chunks " + first + " to " + (first + count));
            }
            for (int i = first; i < first + count; i++) {
                entries[i] = getEntry(node, kind, packs);
            }
            next = first + count;
            named.set(first, next);
        }
        return named;
    }

    private static MapEntry getEntry(ByteBuffer node, int kind, List<PackId> packs) throws RepositoryException {
        switch (kind) {
            case KIND_ZERO:
                return MapEntry.ZERO;
            case KIND_WHOLE:
                if (node.remaining() < WHOLE_BYTES) {
                    throw new BufferUnderflowException();
                }
                return new Whole(ChunkId.get(node), getSegment(node, packs));
            case KIND_MOSAIC:
                ChunkId hash = ChunkId.get(node);
                int count = node.get();
                List<SegmentUse> uses = new ArrayList<>(MapEntry.MAX_SEGMENTS);
                for (int i = 0; i < count && i <= MapEntry.MAX_SEGMENTS; i++) {
                    uses.add(new SegmentUse(node.getShort() & 0xFFFF, getSegment(node, packs)));
                }
                return new Mosaic(hash, List.copyOf(uses));
            default:
                throw RepositoryException.unsupported("a map page holds entries of unknown kind " + kind);
        }
    }

    private static SegmentRef getSegment(ByteBuffer node, List<PackId> packs) throws RepositoryException {
        int number = node.getShort() & 0xFFFF;
        if (number >= packs.size()) {
            throw RepositoryException.damaged("a map page names pack " + number + " of " + packs.size());
        }
        return new SegmentRef(packs.get(number), node.getInt(), node.getInt());
    }
}
