package org.tidemark.ploop.device.cbt;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.FlushRounds;

/**
 * Which regions of the disk may hold changes that the tracker's file does not know yet. The bit of a region is durable
 * before the region's first write; see the package's essay for the order.
 */
final class IntentRegions {
    static final int REGION_SHIFT = 22;
    static final long REGION_BYTES = 1L << REGION_SHIFT;

    private static final int OPEN = 1;
    private static final int TOUCHED = 2;
    private static final VarHandle REGION = MethodHandles.arrayElementVarHandle(byte[].class);

    private final TrackerFile file;
    /** OPEN and TOUCHED of each region; changed by atomic operations only. */
    private final byte[] regions;
    /** The map as the file has it; guarded by this. */
    private final AlignedBuffer map;

    private final FlushRounds rounds = new FlushRounds();
    private final FlushRounds.Work sync;

    IntentRegions(TrackerFile file, long diskSizeBytes) {
        this.file = file;
        this.sync = file::flush;
        this.regions = new byte[Math.toIntExact((diskSizeBytes + REGION_BYTES - 1) >>> REGION_SHIFT)];
        this.map = AlignedBuffer.allocate(mapBytes(diskSizeBytes));
    }

    static int mapBytes(long diskSizeBytes) {
        long regionCount = (diskSizeBytes + REGION_BYTES - 1) >>> REGION_SHIFT;
        long pages = (regionCount + 8L * BitmapGeneration.PAGE_BYTES - 1) / (8L * BitmapGeneration.PAGE_BYTES);
        return Math.toIntExact(pages * BitmapGeneration.PAGE_BYTES);
    }

    /** Reads which regions are open from the file. All of them count as touched. */
    void load() throws IOException {
        file.readIntentMap(map);
        for (int region = 0; region < regions.length; region++) {
            if ((map.bytes().get(region >>> 3) >>> (region & 7) & 1) != 0) {
                REGION.setVolatile(regions, region, (byte) (OPEN | TOUCHED));
            }
        }
    }

    int count() {
        return regions.length;
    }

    boolean isOpen(int region) {
        return ((byte) REGION.getVolatile(regions, region) & OPEN) != 0;
    }

    int openCount() {
        int count = 0;
        for (int region = 0; region < regions.length; region++) {
            count += isOpen(region) ? 1 : 0;
        }
        return count;
    }

    /** Makes sure that the regions of the range are recorded before the caller writes to them. The bits are set already. */
    void touch(long offsetBytes, long lengthBytes) throws IOException {
        int last = (int) ((offsetBytes + lengthBytes - 1) >>> REGION_SHIFT);
        for (int region = (int) (offsetBytes >>> REGION_SHIFT); region <= last; region++) {
            byte seen = (byte) REGION.getVolatile(regions, region);
            if (seen == (OPEN | TOUCHED)) {
                continue;
            }
            if ((seen & OPEN) != 0 && ((byte) REGION.getAndBitwiseOr(regions, region, (byte) TOUCHED) & OPEN) != 0) {
                continue;
            }
            open(region, last);
        }
    }

    /** Opens the region, and those up to {@code last} with it; durable on return. Several threads share one sync. */
    private void open(int region, int last) throws IOException {
        boolean open = false;
        while (!open) {
            record(region, last);
            rounds.flush(sync);
            open = openRecorded(region, last);
        }
    }

    private synchronized void record(int region, int last) throws IOException {
        for (int r = region; r <= last; r++) {
            map.bytes().put(r >>> 3, (byte) (map.bytes().get(r >>> 3) | 1 << (r & 7)));
        }
        int lastPage = (last >>> 3) / BitmapGeneration.PAGE_BYTES;
        for (int page = (region >>> 3) / BitmapGeneration.PAGE_BYTES; page <= lastPage; page++) {
            file.writeIntentPage(page, map);
        }
    }

    /** False when a round that ended meanwhile closed one of them again: then the record is gone from the file. */
    private synchronized boolean openRecorded(int region, int last) {
        for (int r = region; r <= last; r++) {
            if ((map.bytes().get(r >>> 3) >>> (r & 7) & 1) == 0) {
                return false;
            }
        }
        for (int r = region; r <= last; r++) {
            REGION.getAndBitwiseOr(regions, r, (byte) (OPEN | TOUCHED));
        }
        return true;
    }

    /** Step 1 of persisting. */
    void beginRound() {
        for (int region = 0; region < regions.length; region++) {
            if (((byte) REGION.getVolatile(regions, region) & TOUCHED) != 0) {
                REGION.getAndBitwiseAnd(regions, region, (byte) ~TOUCHED);
            }
        }
    }

    /**
     * Step 5 of persisting: closes what was not touched since step 1. Cleared bits need no sync: a region that looks open
     * after a power loss costs reading it once.
     */
    synchronized void endRound() throws IOException {
        boolean changed = false;
        for (int region = 0; region < regions.length; region++) {
            if ((byte) REGION.getVolatile(regions, region) == OPEN
                    && REGION.compareAndSet(regions, region, (byte) OPEN, (byte) 0)) {
                map.bytes().put(region >>> 3, (byte) (map.bytes().get(region >>> 3) & ~(1 << (region & 7))));
                changed = true;
            }
        }
        if (changed) {
            for (int page = 0; page < map.capacity() / BitmapGeneration.PAGE_BYTES; page++) {
                file.writeIntentPage(page, map);
            }
        }
    }
}
