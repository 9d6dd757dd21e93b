package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * An L1 table in the file. Changed entries wait here until the L2 tables they name are durable, then {@link #writeWaiting}
 * puts them into the file; everybody in this process sees them at once. Safe for use by several threads; allocates nothing.
 */
final class L1Table {
    /** Entries that may wait. */
    static final int MAX_WAITING = 1024;

    private final ImageIo io;
    private final Qcow2Header header;
    private final long offset;
    private final int entries;

    /** Guards all below. */
    private final Object monitor = new Object();

    private final AlignedBuffer word = AlignedBuffer.allocate(8);
    private final int[] waitingIndex = new int[MAX_WAITING];
    private final long[] waitingEntry = new long[MAX_WAITING];
    private int waiting;

    L1Table(ImageIo io, Qcow2Header header, long offset, int entries) {
        this.io = io;
        this.header = header;
        this.offset = offset;
        this.entries = entries;
    }

    /** The entry; 0 also behind the end of the table. */
    long get(long index) throws IOException {
        if (index >= entries) {
            return 0;
        }
        synchronized (monitor) {
            for (int i = 0; i < waiting; i++) {
                if (waitingIndex[i] == index) {
                    return waitingEntry[i];
                }
            }
            io.read(offset + index * 8, word, 0, 8);
            return Long.reverseBytes(word.getLong(0));
        }
    }

    /** Where the L2 table of an entry lies, or 0 for none. Throws DAMAGED when it cannot lie there. */
    long tableOffset(long index, long entry, long endBytes) throws ImageException {
        long table = entry & L2Entry.OFFSET;
        boolean reserved = (entry & ~(L2Entry.COPIED | L2Entry.OFFSET)) != 0;
        if (reserved
                || table % header.clusterSizeBytes() != 0
                || (table != 0 && table > endBytes - header.clusterSizeBytes())) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": entry " + index + " of the L1 table is " + Long.toHexString(entry)
                            + ", which names no cluster of the file. Run image check");
        }
        return table;
    }

    int waiting() {
        synchronized (monitor) {
            return waiting;
        }
    }

    void put(long index, long entry) {
        synchronized (monitor) {
            for (int i = 0; i < waiting; i++) {
                if (waitingIndex[i] == index) {
                    waitingEntry[i] = entry;
                    return;
                }
            }
            waitingIndex[waiting] = (int) index;
            waitingEntry[waiting] = entry;
            waiting++;
        }
    }

    /** Writes what waits; the caller flushed before and flushes after. */
    void writeWaiting() throws IOException {
        synchronized (monitor) {
            for (int i = 0; i < waiting; i++) {
                word.putLong(0, Long.reverseBytes(waitingEntry[i]));
                io.write(offset + waitingIndex[i] * 8L, word, 0, 8);
            }
            waiting = 0;
        }
    }
}
