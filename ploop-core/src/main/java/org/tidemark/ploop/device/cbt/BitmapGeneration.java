package org.tidemark.ploop.device.cbt;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The bitmap of one generation: one bit for 4 KiB of the disk, lowest bit first, and a summary so that an idle disk's bitmap
 * takes no memory and is scanned in no time.
 *
 * <pre>
 *   [ summary: one byte for each bitmap page, bit 0 = page has bits, bit 1 = page is not persisted ][ pages of 4096 bytes ]
 * </pre>
 *
 * <p>Marks may come from many threads.
 */
final class BitmapGeneration {
    /** Granularity of the tracker: one sub-chunk. */
    static final int GRANULE_BYTES = 4096;

    static final int GRANULE_SHIFT = 12;
    static final int PAGE_BYTES = 4096;
    /** Disk bytes that one bitmap page covers: 128 MiB. */
    static final long PAGE_COVERS_BYTES = (long) PAGE_BYTES * 8 * GRANULE_BYTES;

    /** Of a larger disk the memory would not fit into one region. */
    static final long MAX_DISK_BYTES = PAGE_COVERS_BYTES * (Integer.MAX_VALUE / PAGE_BYTES - 256);

    private static final byte HAS_BITS = 1;
    private static final byte UNPERSISTED = 2;
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final long number;
    private final AlignedBuffer memory;
    private final ByteBuffer bytes;
    private final int pageCount;
    private final int pagesOffset;
    /** Where the bits went when this generation was merged into a later one. */
    private volatile @Nullable BitmapGeneration heir;
    /** Whether the memory is, or is about to be, taken away. */
    private volatile boolean gone;

    BitmapGeneration(long number, long diskSizeBytes, AlignedBuffer memory) {
        this.number = number;
        this.memory = memory;
        this.bytes = memory.bytes();
        this.pageCount = pageCount(diskSizeBytes);
        this.pagesOffset = summaryBytes(pageCount);
    }

    static int pageCount(long diskSizeBytes) {
        return Math.toIntExact((diskSizeBytes + PAGE_COVERS_BYTES - 1) / PAGE_COVERS_BYTES);
    }

    private static int summaryBytes(int pageCount) {
        return (pageCount + PAGE_BYTES - 1) & -PAGE_BYTES;
    }

    /** Size of the memory of a generation. */
    static int regionBytes(long diskSizeBytes) {
        int pages = pageCount(diskSizeBytes);
        return Math.addExact(summaryBytes(pages), Math.multiplyExact(pages, PAGE_BYTES));
    }

    long number() {
        return number;
    }

    int pageCount() {
        return pageCount;
    }

    /** Marks every granule that the range touches. */
    void mark(long offsetBytes, long lengthBytes) {
        long first = offsetBytes >>> GRANULE_SHIFT;
        long last = (offsetBytes + lengthBytes - 1) >>> GRANULE_SHIFT;
        for (long word = first >>> 6; word <= last >>> 6; word++) {
            long bits = -1L;
            if (word == first >>> 6) {
                bits &= -1L << (first & 63);
            }
            if (word == last >>> 6) {
                bits &= -1L >>> (63 - (last & 63));
            }
            orWord(word, bits);
        }
    }

    private void orWord(long word, long bits) {
        int position = pagesOffset + (int) (word << 3);
        int page = (int) (word >>> 9);
        if (((long) WORD.getVolatile(bytes, position) & bits) != bits) {
            flag(page);
            WORD.getAndBitwiseOr(bytes, position, bits);
        }
        // Also when another writer set the bits: it may not have come to this line yet, and the caller writes next. So
        // a
        // bit that a writer relies on is in a page that is flagged, or that was copied after the bit was set.
        flag(page);
    }

    private void flag(int page) {
        if (bytes.get(page) != (HAS_BITS | UNPERSISTED)) {
            bytes.put(page, (byte) (HAS_BITS | UNPERSISTED));
            VarHandle.fullFence();
        }
    }

    /** Whether any granule of the range is marked. */
    boolean anyMarked(long offsetBytes, long lengthBytes) {
        return nextMarked(offsetBytes >>> GRANULE_SHIFT, (offsetBytes + lengthBytes - 1) >>> GRANULE_SHIFT) >= 0;
    }

    /** The first marked granule in {@code [from, last]}, or -1. */
    long nextMarked(long from, long last) {
        long granule = from;
        while (granule <= last) {
            int page = (int) (granule >>> 15);
            if (bytes.get(page) == 0) {
                granule = (long) (page + 1) << 15;
                continue;
            }
            long word = word(granule >>> 6) >>> (granule & 63);
            if (word != 0) {
                long found = granule + Long.numberOfTrailingZeros(word);
                return found <= last ? found : -1;
            }
            granule = (granule | 63) + 1;
        }
        return -1;
    }

    /** 64 bits, of granules {@code 64 index ..}. */
    long word(long index) {
        return (long) WORD.getOpaque(bytes, pagesOffset + (int) (index << 3));
    }

    boolean pageHasBits(int page) {
        return bytes.get(page) != 0;
    }

    /** Adds every mark of {@code other}, whose disk is not larger. */
    void addAll(BitmapGeneration other) {
        for (int page = 0; page < other.pageCount; page++) {
            if (other.pageHasBits(page)) {
                for (long word = (long) page << 9; word < (long) (page + 1) << 9; word++) {
                    long bits = other.word(word);
                    if (bits != 0) {
                        orWord(word, bits);
                    }
                }
            }
        }
    }

    /** Says, before the memory goes, which generation has the bits now; null when nobody needed them. */
    void leaveTo(@Nullable BitmapGeneration later) {
        heir = later;
        gone = true;
    }

    boolean isGone() {
        return gone;
    }

    /** The generation that has these bits now, perhaps among others; null when they are lost. */
    @Nullable
    BitmapGeneration holder() {
        BitmapGeneration at = this;
        while (at != null && at.gone) {
            at = at.heir;
        }
        return at;
    }

    /** Flags every page that has marks, for a file that holds none of them. */
    void markAllUnpersisted() {
        for (int page = 0; page < pageCount; page++) {
            if (pageHasBits(page)) {
                flag(page);
            }
        }
    }

    /** Whether the page has marks that were not persisted; clears that flag, so copy the page after the call. */
    boolean takeUnpersisted(int page) {
        if ((bytes.get(page) & UNPERSISTED) == 0) {
            return false;
        }
        bytes.put(page, HAS_BITS);
        VarHandle.fullFence();
        return true;
    }

    void markUnpersisted(int page) {
        flag(page);
    }

    void copyPage(int page, AlignedBuffer dst, int dstOffset) {
        dst.copyFrom(memory, pagesOffset + page * PAGE_BYTES, dstOffset, PAGE_BYTES);
    }

    /** Loads a page that was persisted. */
    void loadPage(int page, AlignedBuffer src, int srcOffset) {
        if (!src.isZero(srcOffset, PAGE_BYTES)) {
            memory.copyFrom(src, srcOffset, pagesOffset + page * PAGE_BYTES, PAGE_BYTES);
            bytes.put(page, HAS_BITS);
        }
    }
}
