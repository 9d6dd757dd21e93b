package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.OsException;

/**
 * Hands out clusters of the file and takes them back. Safe for use by several threads; allocates no memory.
 *
 * <p>Clusters come from the end of the file, where the cursor stands, or from among those that were let go of. Whatever is
 * handed out has the count 1 in the file before it is handed out. Clusters from the cursor on belong to nobody, whatever
 * their counts say: counts are written ahead for {@value #CLAIM_CLUSTERS} clusters at a time.
 *
 * <pre>
 *   new refcount block:  cursor past it | block with its own count, durable | table entry
 *   new refcount table:  cursor past it | new blocks, new table with a copy of the old, durable | header, durable | old table let go
 *   crash anywhere:      what was written is behind the cursor of the old state, counted by nobody and named by nobody
 * </pre>
 */
final class HostClusters {
    static final int CLAIM_CLUSTERS = 64;

    /** The file grows ahead by this much, so that most allocating writes do not change its size. */
    private static final long GROW_AHEAD_BYTES = 64L << 20;

    private static final int MAX_FREE = 1024;
    private static final int MAX_SCAN_CLUSTERS = 4096;

    private final ImageIo io;
    private final Qcow2Header header;
    private final int clusterBytes;
    private final RefcountTable counts;
    private final AllocationCursor cursor;

    /** Guards everything below, the counts and the cursor. */
    private final Object monitor = new Object();

    private final AlignedBuffer zeros;
    private final AlignedBuffer fields = AlignedBuffer.allocate(16);
    private final long[] free = new long[MAX_FREE];
    private int freeCount;
    private long claimedEnd;
    private long fileClusters;
    private long scanned;
    private final long scanEnd;

    /** @param reuse whether clusters with the count 0 may be handed out; not while counts are being mended */
    HostClusters(ImageIo io, Qcow2Header header, AllocationCursor cursor, boolean reuse) throws IOException {
        this.io = io;
        this.header = header;
        this.clusterBytes = header.clusterSizeBytes();
        this.counts = new RefcountTable(io, header);
        this.cursor = cursor;
        this.zeros = AlignedBuffer.allocate(clusterBytes);
        this.fileClusters = io.size() / clusterBytes;
        this.claimedEnd = cursor.get();
        this.scanEnd = reuse ? cursor.get() : 0;
    }

    /** The first cluster that nothing in the file can be: behind the file's end and behind the last count. */
    static long firstFree(ImageIo io, Qcow2Header header) throws IOException {
        long size = io.size();
        long clusters = size / header.clusterSizeBytes() + (size % header.clusterSizeBytes() == 0 ? 0 : 1);
        return Math.max(clusters, new RefcountTable(io, header).end());
    }

    long nextCluster() {
        return cursor.get();
    }

    /** Makes a refcount block that is missing. Durable on return but for its own count. */
    void ensureBlock(long index) throws IOException {
        synchronized (monitor) {
            if (counts.block(index) != 0) {
                return;
            }
            long cluster = reserve();
            if (counts.block(index) == 0) {
                writeBlock(cluster, index, 0, 0);
                io.flush();
                counts.setBlock(index, cluster * clusterBytes);
            }
        }
    }

    /** What a killed predecessor counted ahead is ours, or would be leaked. */
    void adoptClaim() throws IOException {
        synchronized (monitor) {
            long next = cursor.get();
            if (counts.block(counts.blockIndex(next)) != 0) {
                claim();
            }
        }
    }

    /**
     * A cluster that nothing refers to, reads as zeros and is counted once.
     *
     * @throws UnreadableException when the counts cannot be read now; nothing has changed, and the next call tries again
     */
    long reserve() throws IOException {
        synchronized (monitor) {
            lookForFree();
            if (freeCount > 0) {
                long cluster = free[freeCount - 1];
                counts.set(cluster, cluster + 1, 1);
                freeCount--;
                io.punchHole(cluster * clusterBytes, clusterBytes);
                return cluster;
            }
            if (cursor.get() >= claimedEnd) {
                hasBlock(cursor.get());
                claim();
            }
            long next = cursor.get();
            if (next >= fileClusters) {
                grow(next + 1);
            }
            cursor.set(next + 1);
            return next;
        }
    }

    /** Writes the count 1 for the clusters from the cursor on. */
    private void claim() throws IOException {
        while (counts.block(counts.blockIndex(cursor.get())) == 0) {
            requireNumber(cursor.get());
            if (counts.blockIndex(cursor.get()) >= counts.entries()) {
                growTable();
            } else {
                addBlock();
            }
        }
        long next = cursor.get();
        requireNumber(next);
        long perBlock = header.refcountBlockEntries();
        long until = Math.min(next + CLAIM_CLUSTERS, (next / perBlock + 1) * perBlock);
        counts.set(next, until, 1);
        claimedEnd = until;
    }

    private void requireNumber(long cluster) throws ImageException {
        if (cluster >= PhysicalCluster.MAX_HOST_CLUSTERS - CLAIM_CLUSTERS) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": the file would have more than " + PhysicalCluster.MAX_HOST_CLUSTERS
                            + " clusters, more than can be written; convert it to larger clusters");
        }
    }

    /** A block at the cursor, which counts itself. */
    private void addBlock() throws IOException {
        long cluster = cursor.get();
        cursor.set(cluster + 1);
        claimedEnd = cluster + 1;
        writeBlock(cluster, counts.blockIndex(cluster), cluster, cluster + 1);
        io.flush();
        counts.setBlock(counts.blockIndex(cluster), cluster * clusterBytes);
    }

    /** Writes block {@code index} into a cluster: the count 1 for {@code [from, until)} as far as it covers them. */
    private void writeBlock(long cluster, long index, long from, long until) throws IOException {
        int bits = header.refcountBits();
        long perBlock = header.refcountBlockEntries();
        long first = index * perBlock;
        for (long one = Math.max(from, first); one < Math.min(until, first + perBlock); one++) {
            long bit = (one - first) * bits;
            RefcountTable.putCount(zeros, (int) (bit / 8), (int) (bit % 8), bits, 1);
        }
        try {
            io.write(cluster * clusterBytes, zeros, 0, clusterBytes);
        } finally {
            zeros.zero(0, clusterBytes);
        }
    }

    /** A larger table behind the cursor, with the blocks that count it. */
    private void growTable() throws IOException {
        long start = cursor.get();
        long perBlock = header.refcountBlockEntries();
        long entriesPerCluster = clusterBytes / 8;
        long tableClusters = Math.max(counts.entries() * 3 / 2 / entriesPerCluster, 1);
        long blocks = 1;
        while (true) {
            long end = start + blocks + tableClusters;
            long lastIndex = (end - 1) / perBlock;
            long neededBlocks = lastIndex - start / perBlock + 1;
            long neededTable = lastIndex / entriesPerCluster + 1;
            if (neededBlocks <= blocks && neededTable <= tableClusters) {
                break;
            }
            blocks = Math.max(blocks, neededBlocks);
            tableClusters = Math.max(tableClusters, neededTable);
        }
        if (tableClusters * clusterBytes > Qcow2Header.MAX_REFCOUNT_TABLE_BYTES) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": the refcount table cannot grow any more; convert the image to larger clusters");
        }
        long end = start + blocks + tableClusters;
        cursor.set(end);
        claimedEnd = end;
        for (long i = 0; i < blocks; i++) {
            writeBlock(start + i, start / perBlock + i, start, end);
        }
        long newTable = (start + blocks) * clusterBytes;
        copyTable(newTable, tableClusters, start / perBlock, blocks, start);
        io.flush();
        fields.putLong(0, Long.reverseBytes(newTable));
        fields.putInt(8, Integer.reverseBytes((int) tableClusters));
        io.write(Qcow2Header.AT_REFCOUNT_TABLE, fields, 0, 12);
        io.flush();
        long oldFirst = counts.tableOffset() / clusterBytes;
        long oldClusters = counts.entries() / entriesPerCluster;
        counts.moved(newTable, tableClusters * entriesPerCluster);
        for (long i = 0; i < oldClusters; i++) {
            drop(oldFirst + i);
        }
    }

    private void copyTable(long newTable, long tableClusters, long firstIndex, long blocks, long firstBlockCluster)
            throws IOException {
        try {
            for (long piece = 0; piece < tableClusters; piece++) {
                long at = piece * clusterBytes;
                if (at < counts.entries() * 8) {
                    io.read(counts.tableOffset() + at, zeros, 0, clusterBytes);
                } else {
                    zeros.zero(0, clusterBytes);
                }
                for (long i = 0; i < blocks; i++) {
                    long place = (firstIndex + i) * 8 - at;
                    if (place >= 0 && place < clusterBytes) {
                        zeros.putLong((int) place, Long.reverseBytes((firstBlockCluster + i) * clusterBytes));
                    }
                }
                io.write(newTable + at, zeros, 0, clusterBytes);
            }
        } finally {
            zeros.zero(0, clusterBytes);
        }
    }

    private void grow(long neededClusters) throws IOException {
        long ahead = Math.max(1, GROW_AHEAD_BYTES / clusterBytes);
        long wanted = neededClusters - 1 + ahead;
        try {
            io.truncate(wanted * clusterBytes);
            fileClusters = wanted;
        } catch (IOException e) {
            // Near a limit of the file system the single cluster may still fit; if not, that failure is the one to
            // tell.
            io.truncate(neededClusters * clusterBytes);
            fileClusters = neededClusters;
        }
    }

    /** Looks at a bounded number of counts of what was in the file when it was opened. */
    private void lookForFree() throws IOException {
        long until = Math.min(scanEnd, scanned + MAX_SCAN_CLUSTERS);
        while (freeCount == 0 && scanned < until) {
            if (!hasBlock(scanned)) {
                // What no block counts is left alone.
                scanned = (scanned / header.refcountBlockEntries() + 1) * header.refcountBlockEntries();
                continue;
            }
            scanPiece(until);
        }
    }

    private void scanPiece(long until) throws IOException {
        long perBlock = header.refcountBlockEntries();
        long pieceEnd = Math.min(Math.min(until, (scanned / perBlock + 1) * perBlock), scanned + MAX_FREE);
        try {
            freeCount = counts.findZeros(scanned, pieceEnd, free);
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
        scanned = pieceEnd;
    }

    /** Asked before anything changes: what cannot be read then concerns one request only. */
    private boolean hasBlock(long cluster) throws IOException {
        try {
            return counts.block(counts.blockIndex(cluster)) != 0;
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    /** What the scan has yet to see it will find by itself; twice in the list would be handed out twice. */
    private void remember(long cluster) {
        boolean seen = cluster < scanned || cluster >= scanEnd;
        if (seen && freeCount < MAX_FREE && cluster < PhysicalCluster.MAX_HOST_CLUSTERS) {
            free[freeCount++] = cluster;
        }
    }

    /** Takes back a cluster that nothing names. When that fails it is leaked. */
    void unreserve(long cluster) {
        synchronized (monitor) {
            try {
                io.punchHole(cluster * clusterBytes, clusterBytes);
                if (cluster == cursor.get() - 1 && cursor.get() <= claimedEnd) {
                    cursor.set(cluster);
                } else {
                    counts.set(cluster, cluster + 1, 0);
                    remember(cluster);
                }
            } catch (IOException e) {
                // Leaked: the count stays.
            }
        }
    }

    /** So many clusters side by side. Not for the data path. */
    long reserveRun(int count) throws IOException {
        synchronized (monitor) {
            List<Long> strays = new ArrayList<>();
            long first = reserve();
            for (long next = first + 1; next < first + count; next++) {
                long got = reserve();
                if (got != next) {
                    // Something else had to stand between: begin anew behind it.
                    for (long one = first; one < next; one++) {
                        strays.add(one);
                    }
                    first = got;
                    next = got;
                }
            }
            for (long stray : strays) {
                drop(stray);
            }
            return first;
        }
    }

    /** One reference more. */
    void addReference(long cluster) throws IOException {
        synchronized (monitor) {
            counts.set(cluster, cluster + 1, counts.get(cluster) + 1);
        }
    }

    /** How often a cluster is referred to, as counted. */
    long references(long cluster) throws IOException {
        synchronized (monitor) {
            return counts.get(cluster);
        }
    }

    /** One reference is gone, durably. */
    void release(long cluster) throws IOException {
        synchronized (monitor) {
            drop(cluster);
        }
    }

    private void drop(long cluster) throws IOException {
        long count = counts.get(cluster);
        if (count == 0) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": cluster " + cluster + " of the file was in use and is counted 0 times."
                            + " Detach the image and run image check");
        }
        counts.set(cluster, cluster + 1, count - 1);
        if (count == 1) {
            io.punchHole(cluster * clusterBytes, clusterBytes);
            remember(cluster);
        }
    }

    /** The counts that were written ahead go back to 0, the file ends behind the last cluster. Not durable yet. */
    void cutSurplus() throws IOException {
        synchronized (monitor) {
            long next = cursor.get();
            if (claimedEnd > next) {
                counts.set(next, claimedEnd, 0);
                claimedEnd = next;
            }
            if (io.size() > next * clusterBytes) {
                io.truncate(next * clusterBytes);
            }
            fileClusters = Math.min(fileClusters, next);
        }
    }
}
