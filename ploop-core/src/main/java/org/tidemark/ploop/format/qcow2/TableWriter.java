package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.OsException;

/**
 * Brings changed map pages into the L2 tables. One thread at a time; allocates no memory.
 *
 * <pre>
 *   the device flushes: data and counts of new clusters are durable
 *   {@link #writePage}:  entries of tables that are the image's own, in place; new tables, whole, named by nobody yet
 *   {@link #settle}:     flush | L1 entries of new tables | flush | counts of what is not named any more go down
 * </pre>
 *
 * A crash after any of them leaves entries that are the old ones or the new ones, both true, and at worst clusters that are
 * counted though nothing names them.
 */
final class TableWriter {
    /** Dropped references that may wait for the entries that dropped them to be durable. */
    private static final int MAX_DROPPED = 16_384;

    /** One entry drops at most this many: a compressed cluster touches three clusters of the file. */
    private static final int MAX_DROPPED_BY_ENTRY = 3;

    private static final System.Logger LOG = System.getLogger(TableWriter.class.getName());

    private final ImageIo io;
    private final Qcow2Header header;
    private final L1Table l1;
    private final HostClusters clusters;
    private final ClusterReader reader;
    private final AlignedBuffer table;
    private final long[] dropped = new long[MAX_DROPPED];
    private int droppedCount;

    TableWriter(ImageIo io, Qcow2Header header, L1Table l1, HostClusters clusters, ClusterReader reader) {
        this.io = io;
        this.header = header;
        this.l1 = l1;
        this.clusters = clusters;
        this.reader = reader;
        this.table = AlignedBuffer.allocate(header.clusterSizeBytes());
    }

    void writePage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        if (droppedCount > MAX_DROPPED - MAX_DROPPED_BY_ENTRY * Delta.PAGE_CLUSTERS - L1Table.MAX_WAITING
                || l1.waiting() > L1Table.MAX_WAITING - Delta.PAGE_CLUSTERS / header.l2Entries() - 2) {
            settle();
        }
        long first = page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS;
        requireOnDisk(first, src, srcOffset);
        long until = Math.min(first + Delta.PAGE_CLUSTERS, header.geometry().clusters());
        int perTable = header.l2Entries();
        for (long at = Math.max(first, 0); at < until; ) {
            long next = Math.min(until, (at / perTable + 1) * perTable);
            writeSlice(at, (int) (next - at), src, srcOffset + (int) (at - first) * 4);
            at = next;
        }
    }

    private void requireOnDisk(long first, AlignedBuffer src, int srcOffset) throws ImageException {
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            long cluster = first + slot;
            int physical = src.getInt(srcOffset + slot * 4);
            boolean onDisk = cluster >= 0 && cluster < header.geometry().clusters();
            boolean sound = physical == Delta.NOT_ALLOCATED
                    || (onDisk && physical == PhysicalCluster.ZERO && header.version() >= 3)
                    || (onDisk && PhysicalCluster.isHost(physical) && inFile(cluster, physical))
                    || (onDisk
                            && !PhysicalCluster.isHost(physical)
                            && physical != PhysicalCluster.ZERO
                            && PhysicalCluster.virtual(physical) == cluster);
            if (!sound) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST,
                        io.name() + ": cluster " + cluster + " cannot lie in cluster "
                                + Integer.toUnsignedString(physical) + " of the file");
            }
        }
    }

    private boolean inFile(long virtualCluster, int physical) {
        return header.externalData() ? physical == virtualCluster : physical > 0 && physical < clusters.nextCluster();
    }

    /** Writes {@code count} entries of one L2 table, beginning with the one of cluster {@code from}. */
    private void writeSlice(long from, int count, AlignedBuffer src, int srcOffset) throws IOException {
        long index = from / header.l2Entries();
        long l1Entry = l1.get(index);
        long old = l1Entry & L2Entry.OFFSET;
        int entryBytes = header.l2EntryBytes();
        int start = (int) (from % header.l2Entries()) * entryBytes;
        int droppedBefore = droppedCount;
        boolean done = false;
        try {
            if (old != 0 && (l1Entry & L2Entry.COPIED) != 0) {
                io.read(old + start, table, start, count * entryBytes);
                if (apply(from, count, src, srcOffset, start)) {
                    io.write(old + start, table, start, count * entryBytes);
                }
            } else {
                if (old == 0) {
                    table.zero(0, header.clusterSizeBytes());
                } else {
                    io.read(old, table, 0, header.clusterSizeBytes());
                }
                if (apply(from, count, src, srcOffset, start)) {
                    putNewTable(index, old);
                }
            }
            done = true;
        } finally {
            if (!done) {
                droppedCount = droppedBefore;
            }
        }
    }

    private void putNewTable(long index, long old) throws IOException {
        long fresh = clusters.reserve();
        boolean written = false;
        try {
            io.write(fresh * header.clusterSizeBytes(), table, 0, header.clusterSizeBytes());
            written = true;
        } finally {
            if (!written) {
                clusters.unreserve(fresh);
            }
        }
        l1.put(index, fresh * header.clusterSizeBytes() | L2Entry.COPIED);
        if (old != 0) {
            dropped[droppedCount++] = old >>> header.clusterBits();
        }
    }

    /** Changes the entries in {@link #table}; false when all are what they were. */
    private boolean apply(long from, int count, AlignedBuffer src, int srcOffset, int start) {
        boolean changed = false;
        int entryBytes = header.l2EntryBytes();
        for (int i = 0; i < count; i++) {
            int at = start + i * entryBytes;
            long entry = Long.reverseBytes(table.getLong(at));
            long bitmap = entryBytes == 16 ? Long.reverseBytes(table.getLong(at + 8)) : 0;
            int physical = src.getInt(srcOffset + i * 4);
            if (keeps(physical, entry, bitmap)) {
                continue;
            }
            changed = true;
            noteDropped(entry);
            table.putLong(at, Long.reverseBytes(newEntry(physical)));
            if (entryBytes == 16) {
                table.putLong(at + 8, Long.reverseBytes(newBitmap(physical)));
            }
        }
        return changed;
    }

    private boolean keeps(int physical, long entry, long bitmap) {
        if (physical == Delta.NOT_ALLOCATED) {
            return entry == 0 && bitmap == 0;
        }
        if (physical == PhysicalCluster.ZERO) {
            return meaning(entry, bitmap) == L2Entry.Meaning.ZEROS;
        }
        if (!PhysicalCluster.isHost(physical)) {
            return true;
        }
        return entry == newEntry(physical) && bitmap == newBitmap(physical);
    }

    private L2Entry.Meaning meaning(long entry, long bitmap) {
        return header.extendedL2()
                ? L2Entry.extended(entry, bitmap, header.externalData())
                : L2Entry.standard(entry, header.version() >= 3, header.externalData());
    }

    private long newEntry(int physical) {
        if (physical == Delta.NOT_ALLOCATED) {
            return 0;
        }
        if (physical == PhysicalCluster.ZERO) {
            return header.extendedL2() ? 0 : L2Entry.ZERO;
        }
        return ((long) physical << header.clusterBits()) | L2Entry.COPIED;
    }

    private long newBitmap(int physical) {
        if (!header.extendedL2() || physical == Delta.NOT_ALLOCATED) {
            return 0;
        }
        return physical == PhysicalCluster.ZERO ? L2Entry.ALL_ZERO : L2Entry.ALL_ALLOCATED;
    }

    private void noteDropped(long entry) {
        if (header.externalData()) {
            return;
        }
        int bits = header.clusterBits();
        if ((entry & L2Entry.COMPRESSED) != 0) {
            long offset = L2Entry.compressedOffset(entry, bits);
            long last = offset + L2Entry.compressedBytes(entry, bits) - 1;
            for (long cluster = offset >>> bits; cluster <= last >>> bits; cluster++) {
                dropped[droppedCount++] = cluster;
            }
        } else if (L2Entry.offset(entry) != 0) {
            dropped[droppedCount++] = L2Entry.offset(entry) >>> bits;
        }
    }

    /** Everything written before, and every page, is durable and in force on return; then lets go of what was dropped. */
    void settle() throws IOException {
        io.flush();
        if (l1.waiting() > 0) {
            l1.writeWaiting();
            io.flush();
        }
        if (droppedCount == 0) {
            return;
        }
        reader.awaitReaders();
        while (droppedCount > 0) {
            droppedCount--;
            release(dropped[droppedCount]);
        }
    }

    /** What everybody waited for is durable already: a count that cannot be lowered is a leaked cluster, no failed flush. */
    private void release(long cluster) throws IOException {
        try {
            clusters.release(cluster);
        } catch (OsException e) {
            LOG.log(System.Logger.Level.DEBUG, io.name() + ": cluster " + cluster + " is leaked", e);
        }
    }
}
