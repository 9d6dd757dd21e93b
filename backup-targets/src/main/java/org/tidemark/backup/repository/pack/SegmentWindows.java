package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of packs that were read before they were asked for, in few large requests: segments that lie close together in
 * one pack are read with what is between them. Belongs to one reader of one stretch of an image; bounded by its arena.
 * What is not here is read on its own, so nothing depends on it but speed.
 */
public final class SegmentWindows implements AutoCloseable {
    /** More than this between two segments is not worth reading along. */
    static final int MAX_GAP_BYTES = 64 << 10;

    private final ArenaPool pool;
    private final ByteBuffer arena;
    /** For each pack its windows by the offset they begin at. */
    private final Map<PackId, TreeMap<Integer, ByteBuffer>> windows = new HashMap<>();

    SegmentWindows(ArenaPool pool) {
        this.pool = pool;
        arena = pool.take();
    }

    /** A stretch of a pack to be read in one request. */
    record Window(PackId pack, int fromBytes, int toBytes) {
        int lengthBytes() {
            return toBytes - fromBytes;
        }
    }

    /** Windows of two segments or more, none longer than {@code maxBytes}. */
    static List<Window> plan(Collection<SegmentRef> refs, int maxBytes) {
        List<SegmentRef> sorted = refs.stream()
                .filter(SegmentWindows::makesSense)
                .distinct()
                .sorted(Comparator.comparing((SegmentRef ref) -> ref.pack().high())
                        .thenComparing(ref -> ref.pack().low())
                        .thenComparing(SegmentRef::offsetBytes))
                .toList();
        List<Window> planned = new ArrayList<>();
        for (int first = 0; first < sorted.size(); ) {
            SegmentRef start = sorted.get(first);
            int end = end(start);
            int next = first + 1;
            while (next < sorted.size()) {
                SegmentRef ref = sorted.get(next);
                boolean near = ref.pack().equals(start.pack()) && ref.offsetBytes() - end <= MAX_GAP_BYTES;
                if (!near || end(ref) - start.offsetBytes() > maxBytes) {
                    break;
                }
                end = Math.max(end, end(ref));
                next++;
            }
            if (next > first + 1) {
                planned.add(new Window(start.pack(), start.offsetBytes(), end));
            }
            first = next;
        }
        return planned;
    }

    /** A place that makes none is left to the reader of that segment, who says so. */
    private static boolean makesSense(SegmentRef ref) {
        return ref.offsetBytes() >= PackLimits.HEADER_BYTES
                && ref.offsetBytes() <= PackLimits.MAX_PACK_BYTES
                && ref.lengthBytes() > 0
                && ref.lengthBytes() <= PackLimits.MAX_NODE_BYTES + PackLimits.SEGMENT_HEADER_BYTES;
    }

    private static int end(SegmentRef ref) {
        return ref.offsetBytes() + ref.lengthBytes();
    }

    /** Room for a window; null when there is not enough. */
    @Nullable
    ByteBuffer room(int bytes) {
        return bytes > arena.remaining() ? null : arena.slice(arena.position(), bytes);
    }

    /** What was read from {@code offsetBytes} on into the last {@link #room}: up to its position. */
    void loaded(PackId pack, int offsetBytes, ByteBuffer room) {
        arena.position(arena.position() + room.position());
        windows.computeIfAbsent(pack, unused -> new TreeMap<>()).put(offsetBytes, room.flip());
    }

    /** A whole segment from position 0 to its limit, little-endian; null when it is not here. */
    @Nullable
    ByteBuffer find(SegmentRef ref) {
        TreeMap<Integer, ByteBuffer> ofPack = windows.get(ref.pack());
        Map.Entry<Integer, ByteBuffer> window = ofPack == null ? null : ofPack.floorEntry(ref.offsetBytes());
        if (window == null) {
            return null;
        }
        int from = ref.offsetBytes() - window.getKey();
        return from + ref.lengthBytes() > window.getValue().limit()
                ? null
                : window.getValue().slice(from, ref.lengthBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        windows.clear();
        pool.give(arena);
    }
}
