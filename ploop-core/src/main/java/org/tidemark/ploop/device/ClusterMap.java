package org.tidemark.ploop.device;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.OsException;

/**
 * Where every cluster of a chain lies: one flattened map, so that a lookup costs the same at any depth.
 *
 * <p>The map is read page by page (see {@code format/package-info}) when it is first needed and kept in a bounded number of
 * slots. A page that was changed and is not in the image yet stays in its slot until it is written. Slots live in the
 * {@link StateArea}: the pages a killed server had changed are found there by its successor.
 *
 * <pre>
 * region "map.slots", 16 bytes a slot      region "map.pages", 5120 bytes a slot
 *   0  u64 page number + 1, 0 = free          0  1024 x u32 physical cluster
 *   8  u32 state: 0 clean 1 dirty 2 writing   4096  1024 x u8 level, 255 = nowhere, 254 = withdrawn
 * </pre>
 *
 * <p>Lookups are optimistic reads; everything else takes the write lock. Page loads do I/O under it: that stalls the
 * requests of this device only.
 */
final class ClusterMap {
    /** What {@link #lookup} answers when no delta holds the cluster. */
    static final long NOWHERE = -1;

    /** What {@link #lookup} never answers: the page must be loaded first. */
    private static final long MISS = -2;

    static final int CLEAN = 0;
    static final int DIRTY = 1;
    static final int WRITING = 2;

    private static final String SLOTS_REGION = "map.slots";
    private static final String PAGES_REGION = "map.pages";
    private static final int SLOT_HEADER_BYTES = 16;
    private static final int SLOT_PAGE_BYTES = Delta.PAGE_BYTES + Delta.PAGE_CLUSTERS;
    private static final byte NO_LEVEL = (byte) 255;

    /** Nowhere too, but the file's table may still name a cluster: a successor must not believe it. */
    private static final byte WITHDRAWN = (byte) 254;

    private final List<Delta> deltas;
    private final int topLevel;
    private final long pageCount;
    private final int slotCount;
    private final AlignedBuffer headers;
    private final AlignedBuffer pages;
    /** Page number to slot + 1; 0 = not loaded. Off-heap: a large disk with small clusters has half a million pages. */
    private final ByteBuffer slotOfPage;

    private final AlignedBuffer loading = AlignedBuffer.allocate(Delta.PAGE_BYTES);
    private final StampedLock lock = new StampedLock();
    /** Guarded by the write lock. */
    private int dirtyCount;
    /** Guarded by the write lock: where the search for a slot to reuse goes on. */
    private int clockHand;
    /** Guarded by the write lock: slots at and after this one were never used. */
    private int usedSlots;

    ClusterMap(List<Delta> deltas, long clusters, int maxSlots, StateArea state) throws IOException {
        this.deltas = List.copyOf(deltas);
        this.topLevel = deltas.size() - 1;
        this.pageCount = (clusters + Delta.PAGE_SHIFT_CLUSTERS + Delta.PAGE_CLUSTERS - 1) / Delta.PAGE_CLUSTERS;
        this.slotCount = (int) Math.min(pageCount, maxSlots);
        this.headers = state.region(SLOTS_REGION, slotCount * SLOT_HEADER_BYTES);
        this.pages = state.region(PAGES_REGION, slotCount * SLOT_PAGE_BYTES);
        this.slotOfPage =
                ByteBuffer.allocateDirect(Math.toIntExact(pageCount * 4)).order(ByteOrder.nativeOrder());
        adopt();
    }

    /**
     * Finds the pages a predecessor changed. Clean ones are read again when needed. Of a changed page only the entries of
     * the top count: one that was being moved up when the predecessor died has the new cluster and the old level.
     */
    private void adopt() throws IOException {
        for (int slot = 0; slot < slotCount; slot++) {
            long page = headers.getLong(slot * SLOT_HEADER_BYTES) - 1;
            if (page < 0) {
                continue;
            }
            int pageState = headers.getInt(slot * SLOT_HEADER_BYTES + 8);
            if (pageState == CLEAN || page >= pageCount) {
                headers.putLong(slot * SLOT_HEADER_BYTES, 0);
                continue;
            }
            setState(slot, DIRTY);
            int base = slot * SLOT_PAGE_BYTES;
            for (int i = 0; i < Delta.PAGE_CLUSTERS; i++) {
                byte level = pages.bytes().get(base + Delta.PAGE_BYTES + i);
                if (level != WITHDRAWN && (level & 0xFF) != topLevel) {
                    pages.bytes().put(base + Delta.PAGE_BYTES + i, NO_LEVEL);
                }
            }
            for (int level = topLevel; level >= 0; level--) {
                mergeLevel(page, level, base);
            }
            dirtyCount++;
            slotOfPage.putInt((int) page * 4, slot + 1);
            usedSlots = slot + 1;
        }
    }

    /** The level of an answer of {@link #lookup}. */
    static int level(long entry) {
        return (int) (entry >>> 32);
    }

    /** The physical cluster of an answer of {@link #lookup}. */
    static int physical(long entry) {
        return (int) entry;
    }

    /**
     * Which delta holds the cluster, and where: {@link #NOWHERE}, or level and physical cluster.
     *
     * @throws MapFullException when the page is not loaded and every slot waits to be written
     */
    long lookup(long cluster) throws IOException {
        long stamp = lock.tryOptimisticRead();
        if (stamp != 0) {
            long entry = peek(cluster);
            if (entry != MISS && lock.validate(stamp)) {
                return entry;
            }
        }
        stamp = lock.writeLock();
        try {
            int slot = load(pageOf(cluster));
            return entryAt(slot, slotIndex(cluster));
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private long peek(long cluster) {
        int slot = slotOfPage.getInt((int) pageOf(cluster) * 4) - 1;
        if (slot < 0 || slot >= slotCount) {
            return MISS;
        }
        return entryAt(slot, slotIndex(cluster));
    }

    private long entryAt(int slot, int index) {
        int base = slot * SLOT_PAGE_BYTES;
        byte level = pages.bytes().get(base + Delta.PAGE_BYTES + index);
        if (level == NO_LEVEL || level == WITHDRAWN) {
            return NOWHERE;
        }
        return ((long) (level & 0xFF) << 32) | (pages.getInt(base + index * 4) & 0xFFFFFFFFL);
    }

    /**
     * Records that the top delta holds the cluster now. Its data was written (not necessarily flushed) before.
     *
     * @throws UnreadableException when the page was evicted meanwhile and cannot be read; nothing has changed
     */
    void publish(long cluster, int physicalCluster) throws IOException {
        long stamp = lock.writeLock();
        try {
            int slot = loadForChange(pageOf(cluster));
            if (stateOf(slot) != DIRTY) {
                if (stateOf(slot) == CLEAN) {
                    dirtyCount++;
                }
                setState(slot, DIRTY);
            }
            VarHandle.releaseFence();
            int base = slot * SLOT_PAGE_BYTES;
            int index = slotIndex(cluster);
            pages.putInt(base + index * 4, physicalCluster);
            VarHandle.releaseFence();
            pages.bytes().put(base + Delta.PAGE_BYTES + index, (byte) topLevel);
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /** Records that no delta holds the cluster any more. Only in a chain of one, where nothing below shows through. */
    void withdraw(long cluster) throws IOException {
        if (topLevel != 0) {
            throw new IllegalStateException("cluster " + cluster + " of a chain cannot be withdrawn");
        }
        long stamp = lock.writeLock();
        try {
            int slot = loadForChange(pageOf(cluster));
            if (stateOf(slot) != DIRTY) {
                if (stateOf(slot) == CLEAN) {
                    dirtyCount++;
                }
                setState(slot, DIRTY);
            }
            VarHandle.releaseFence();
            pages.bytes().put(slot * SLOT_PAGE_BYTES + Delta.PAGE_BYTES + slotIndex(cluster), WITHDRAWN);
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /** The entries of a page that lie in the top, as the top's file would store them. */
    void readTopPage(long page, AlignedBuffer dst) throws IOException {
        long stamp = lock.writeLock();
        try {
            copyTopEntries(load(page), dst, 0);
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /** Whether a predecessor left pages in the area that were changed and are not in the file. */
    static boolean hasChangedPages(StateArea state, long clusters, int maxSlots) throws IOException {
        long pageCount = (clusters + Delta.PAGE_SHIFT_CLUSTERS + Delta.PAGE_CLUSTERS - 1) / Delta.PAGE_CLUSTERS;
        int slots = (int) Math.min(pageCount, maxSlots);
        AlignedBuffer headers = state.region(SLOTS_REGION, slots * SLOT_HEADER_BYTES);
        for (int slot = 0; slot < slots; slot++) {
            if (headers.getLong(slot * SLOT_HEADER_BYTES) != 0
                    && headers.getInt(slot * SLOT_HEADER_BYTES + 8) != CLEAN) {
                return true;
            }
        }
        return false;
    }

    /** Gives the memory of the map back; no map on this area may be in use any more. */
    static void forget(StateArea state) throws IOException {
        state.drop(SLOTS_REGION);
        state.drop(PAGES_REGION);
    }

    /** Whether a flush has pages to write. */
    boolean hasChangedPages() {
        long stamp = lock.readLock();
        try {
            return dirtyCount > 0;
        } finally {
            lock.unlockRead(stamp);
        }
    }

    /**
     * Copies up to {@code batch.limit()} changed pages, as the top delta will store them, and marks them as being written.
     * What is published later counts for the next round. Goes on where the batch's last call ended: a flush visits every
     * slot once, whatever is changed behind it meanwhile.
     */
    int takeChangedPages(PageBatch batch) {
        long stamp = lock.writeLock();
        try {
            batch.clear();
            int slot = batch.nextSlot();
            for (; slot < usedSlots && batch.size() < batch.limit(); slot++) {
                if (stateOf(slot) == DIRTY) {
                    copyTopEntries(slot, batch.buffer(), batch.size() * Delta.PAGE_BYTES);
                    batch.add(headers.getLong(slot * SLOT_HEADER_BYTES) - 1, slot);
                    setState(slot, WRITING);
                }
            }
            batch.nextSlot(slot);
            return batch.size();
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /** The pages of the batch are durable: those not changed again since are clean. */
    void settle(PageBatch batch) {
        long stamp = lock.writeLock();
        try {
            for (int i = 0; i < batch.size(); i++) {
                if (stateOf(batch.slot(i)) == WRITING) {
                    setState(batch.slot(i), CLEAN);
                    dirtyCount--;
                }
            }
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /** The pages of the batch did not get into the image: they wait for the next flush. */
    void putBack(PageBatch batch) {
        long stamp = lock.writeLock();
        try {
            for (int i = 0; i < batch.size(); i++) {
                if (stateOf(batch.slot(i)) == WRITING) {
                    setState(batch.slot(i), DIRTY);
                }
            }
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    /**
     * What {@link #lookup} answers, for a page that finds no slot: straight from the deltas, kept nowhere. A page without
     * a slot was not changed.
     */
    long lookupPast(long cluster) throws IOException {
        AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        for (int level = topLevel; level >= 0; level--) {
            if (holds(level, pageOf(cluster))) {
                deltas.get(level).readMapPage(pageOf(cluster), page, 0);
                int physical = page.getInt(slotIndex(cluster) * 4);
                if (physical != Delta.NOT_ALLOCATED) {
                    return ((long) level << 32) | (physical & 0xFFFFFFFFL);
                }
            }
        }
        return NOWHERE;
    }

    /** Whether the delta's map has the page: a delta may be of a smaller disk than those above it. */
    private boolean holds(int level, long page) {
        return page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS
                < deltas.get(level).geometry().clusters();
    }

    private void copyTopEntries(int slot, AlignedBuffer dst, int dstOffset) {
        int base = slot * SLOT_PAGE_BYTES;
        for (int i = 0; i < Delta.PAGE_CLUSTERS; i++) {
            boolean top = (pages.bytes().get(base + Delta.PAGE_BYTES + i) & 0xFF) == topLevel;
            dst.putInt(dstOffset + i * 4, top ? pages.getInt(base + i * 4) : Delta.NOT_ALLOCATED);
        }
    }

    /** A page that was evicted since it was looked at may not be readable now: that is no reason to write nothing more. */
    private int loadForChange(long page) throws IOException {
        try {
            return load(page);
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    /** The slot of a page, loading it if need be. Write lock held. */
    private int load(long page) throws IOException {
        int slot = slotOfPage.getInt((int) page * 4) - 1;
        if (slot >= 0) {
            return slot;
        }
        slot = freeSlot();
        int base = slot * SLOT_PAGE_BYTES;
        for (int i = 0; i < Delta.PAGE_CLUSTERS; i++) {
            pages.bytes().put(base + Delta.PAGE_BYTES + i, NO_LEVEL);
        }
        for (int level = topLevel; level >= 0; level--) {
            mergeLevel(page, level, base);
        }
        VarHandle.releaseFence();
        setState(slot, CLEAN);
        headers.putLong(slot * SLOT_HEADER_BYTES, page + 1);
        slotOfPage.putInt((int) page * 4, slot + 1);
        return slot;
    }

    private void mergeLevel(long page, int level, int base) throws IOException {
        if (!holds(level, page)) {
            return;
        }
        deltas.get(level).readMapPage(page, loading, 0);
        for (int i = 0; i < Delta.PAGE_CLUSTERS; i++) {
            int physical = loading.getInt(i * 4);
            if (physical != Delta.NOT_ALLOCATED && pages.bytes().get(base + Delta.PAGE_BYTES + i) == NO_LEVEL) {
                pages.putInt(base + i * 4, physical);
                pages.bytes().put(base + Delta.PAGE_BYTES + i, (byte) level);
            }
        }
    }

    private int freeSlot() throws MapFullException {
        if (usedSlots < slotCount) {
            return usedSlots++;
        }
        for (int tried = 0; tried < slotCount; tried++) {
            int slot = clockHand;
            clockHand = (clockHand + 1) % slotCount;
            if (stateOf(slot) == CLEAN) {
                long page = headers.getLong(slot * SLOT_HEADER_BYTES) - 1;
                headers.putLong(slot * SLOT_HEADER_BYTES, 0);
                if (page >= 0) {
                    slotOfPage.putInt((int) page * 4, 0);
                }
                return slot;
            }
        }
        throw new MapFullException();
    }

    private int stateOf(int slot) {
        return headers.getInt(slot * SLOT_HEADER_BYTES + 8);
    }

    private void setState(int slot, int value) {
        headers.putInt(slot * SLOT_HEADER_BYTES + 8, value);
    }

    private static long pageOf(long cluster) {
        return (cluster + Delta.PAGE_SHIFT_CLUSTERS) / Delta.PAGE_CLUSTERS;
    }

    private static int slotIndex(long cluster) {
        return (int) ((cluster + Delta.PAGE_SHIFT_CLUSTERS) % Delta.PAGE_CLUSTERS);
    }

    /** Every slot holds a changed page: the device flushes and tries again. */
    static final class MapFullException extends IOException {
        private static final long serialVersionUID = 1L;

        MapFullException() {
            super("every slot of the cluster map waits to be written");
        }
    }
}
