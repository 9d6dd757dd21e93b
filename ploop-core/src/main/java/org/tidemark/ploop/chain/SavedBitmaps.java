package org.tidemark.ploop.chain;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * The bitmaps of an image as they were when it was opened, in the state area of its device, for whoever closes it.
 *
 * <pre>
 * region "bitmaps", 4096 bytes
 *   0  u64 how many, or 0: none, or being written
 *   8  for each: identity, 16 bytes; u64 size of the disk in sectors; u32 granularity in sectors; u32 bytes of its bits
 *
 * region "bitmaps.N"
 *   0  bits of bitmap N, lowest bit first
 * </pre>
 */
final class SavedBitmaps {
    private static final String REGION = "bitmaps";
    private static final int REGION_BYTES = 4096;
    private static final int ENTRY_BYTES = 32;
    private static final int MOST = 6;

    /** Of all of them together, 8 MiB: 4 TiB in parts of 64 KiB. */
    private static final long MOST_BITS = 1L << 26;

    private SavedBitmaps() {}

    /** Takes the place of what was saved before. Returns those that were saved: as many as there is room for. */
    static List<StoredBitmap> save(StateArea area, List<StoredBitmap> bitmaps) throws IOException {
        forget(area);
        List<StoredBitmap> saved = new ArrayList<>();
        long bits = 0;
        for (StoredBitmap bitmap : bitmaps) {
            bits += bitmap.bits();
            if (saved.size() < MOST && bits <= MOST_BITS) {
                saved.add(bitmap);
            }
        }
        if (saved.isEmpty()) {
            return saved;
        }
        AlignedBuffer index = area.region(REGION, REGION_BYTES);
        for (int i = 0; i < saved.size(); i++) {
            StoredBitmap bitmap = saved.get(i);
            int bytes = (bitmap.bits() + 7) / 8;
            area.region(regionOf(i), bytes).bytes().put(0, bitmap.dirty().toByteArray());
            int at = 8 + i * ENTRY_BYTES;
            index.putLong(at, bitmap.id().getMostSignificantBits());
            index.putLong(at + 8, bitmap.id().getLeastSignificantBits());
            index.putLong(at + 16, bitmap.diskSectors());
            index.putInt(at + 24, bitmap.granularitySectors());
            index.putInt(at + 28, bytes);
        }
        VarHandle.fullFence();
        index.putLong(0, saved.size());
        return saved;
    }

    /** What was saved last. */
    static List<StoredBitmap> load(StateArea area) throws IOException {
        List<StoredBitmap> found = new ArrayList<>();
        if (!area.exists(REGION)) {
            return found;
        }
        AlignedBuffer index = area.region(REGION, REGION_BYTES);
        long count = index.getLong(0);
        if (count < 0 || count > MOST) {
            throw new ImageException(ImageException.Kind.DAMAGED, "the state area has " + count + " bitmaps");
        }
        for (int i = 0; i < count; i++) {
            int at = 8 + i * ENTRY_BYTES;
            ByteBuffer bits = area.region(regionOf(i), index.getInt(at + 28)).bytes();
            found.add(new StoredBitmap(
                    new UUID(index.getLong(at), index.getLong(at + 8)),
                    index.getLong(at + 16),
                    index.getInt(at + 24),
                    BitSet.valueOf(bits.duplicate().clear())));
        }
        return found;
    }

    /** Nothing is saved on return. */
    static void forget(StateArea area) throws IOException {
        if (area.exists(REGION)) {
            area.region(REGION, REGION_BYTES).putLong(0, 0);
            VarHandle.fullFence();
            area.dropStartingWith(REGION);
        }
    }

    private static String regionOf(int index) {
        return REGION + "." + index;
    }
}
