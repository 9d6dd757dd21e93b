package org.tidemark.backup.repository.index;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.pack.PackEntry;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentKind;
import org.tidemark.backup.repository.pack.SegmentRef;

/**
 * Whole chunks by the first 128 bits of their id, in one array of longs (open addressing, three longs a slot, at most
 * two thirds full: 36 to 72 bytes an entry). Grows by doubling up to its bound and then takes no more. Safe for many
 * threads.
 *
 * <p>128 bits are enough to find a chunk; were they ever to lie, the hash of the assembled chunk in the map says so
 * when it is read.
 */
public final class ChunkIndex {
    private static final int OFFSET_BITS = 26;
    private static final int LENGTH_BITS = 17;
    private static final int MAX_PACKS = (1 << (63 - OFFSET_BITS - LENGTH_BITS)) - 1;
    private static final int LONGS = 3;

    private final int maxEntries;
    /** Guarded by this: word 0, word 1, place; a place of 0 is an empty slot, as no segment lies at offset 0. */
    private long[] table = new long[LONGS << 10];
    /** Guarded by this. */
    private int entries;
    /** Guarded by this. */
    private final List<PackId> packs = new ArrayList<>();
    /** Guarded by this. */
    private final Map<PackId, Integer> packNumbers = new HashMap<>();
    /** Packs that are not trusted any more. Guarded by this. */
    private final BitSet forgotten = new BitSet();

    public ChunkIndex(int maxEntries) {
        this.maxEntries = maxEntries;
    }

    /** Where a chunk is stored. */
    public synchronized Optional<SegmentRef> find(ChunkId id) {
        int slot = slotOf(table, id.word0(), id.word1());
        long place = table[slot + 2];
        int pack = (int) (place >>> (OFFSET_BITS + LENGTH_BITS));
        if (place == 0 || forgotten.get(pack)) {
            return Optional.empty();
        }
        int offset = (int) (place >>> LENGTH_BITS) & (1 << OFFSET_BITS) - 1;
        int length = (int) place & (1 << LENGTH_BITS) - 1;
        return Optional.of(new SegmentRef(packs.get(pack), offset, length));
    }

    /** Takes the whole chunks of a pack. */
    public synchronized void add(PackId pack, List<PackEntry> packEntries) {
        for (PackEntry entry : packEntries) {
            if (entry.kind() == SegmentKind.WHOLE) {
                add(entry.id(), new SegmentRef(pack, entry.offsetBytes(), entry.lengthBytes()));
            }
        }
    }

    /** Takes one chunk, when there is room. A chunk known from a pack that is still trusted stays where it is. */
    public synchronized void add(ChunkId id, SegmentRef ref) {
        Integer pack = packNumbers.get(ref.pack());
        if (pack == null) {
            if (packs.size() == MAX_PACKS) {
                return;
            }
            pack = packs.size();
            packs.add(ref.pack());
            packNumbers.put(ref.pack(), pack);
        }
        if (entries * 3L * LONGS >= table.length * 2L) {
            grow();
        }
        int slot = slotOf(table, id.word0(), id.word1());
        boolean empty = table[slot + 2] == 0;
        boolean known = !empty && !forgotten.get((int) (table[slot + 2] >>> (OFFSET_BITS + LENGTH_BITS)));
        if (known || (empty && entries >= maxEntries)) {
            return;
        }
        table[slot] = id.word0();
        table[slot + 1] = id.word1();
        table[slot + 2] = (long) pack << (OFFSET_BITS + LENGTH_BITS)
                | (long) ref.offsetBytes() << LENGTH_BITS
                | ref.lengthBytes();
        if (empty) {
            entries++;
        }
    }

    /** From now on nothing is found in {@code pack}: something in it was damaged or missing. */
    public synchronized void forget(PackId pack) {
        Integer number = packNumbers.get(pack);
        if (number != null) {
            forgotten.set(number);
            // A pack of that name may be met again only by a reload, which makes a new number.
            packNumbers.remove(pack);
        }
    }

    public synchronized int size() {
        return entries;
    }

    private void grow() {
        long[] bigger = new long[table.length * 2];
        for (int slot = 0; slot < table.length; slot += LONGS) {
            if (table[slot + 2] != 0) {
                int to = slotOf(bigger, table[slot], table[slot + 1]);
                System.arraycopy(table, slot, bigger, to, LONGS);
            }
        }
        table = bigger;
    }

    /** The slot of an id, or the empty one where it would go. */
    private static int slotOf(long[] table, long word0, long word1) {
        int slots = table.length / LONGS;
        int at = (int) (word0 >>> 1 & slots - 1);
        while (true) {
            int slot = at * LONGS;
            if (table[slot + 2] == 0 || (table[slot] == word0 && table[slot + 1] == word1)) {
                return slot;
            }
            at = at + 1 & slots - 1;
        }
    }
}
