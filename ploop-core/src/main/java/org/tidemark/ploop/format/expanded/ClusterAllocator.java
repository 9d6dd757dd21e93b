package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.OsException;

/**
 * Hands out clusters of an expanded image: free ones in the middle of the file first, then new ones at its end. Whatever it
 * hands out reads as zeros: it is new file, or was punched.
 *
 * <p><b>Which clusters are free</b> is found out from the whole table, once, before the first cluster is handed out. An
 * image whose table names a cluster that the file does not have is found then at the latest, and nothing is ever handed out
 * in it. Safe for use by several threads; allocates no memory after that.
 */
final class ClusterAllocator {
    /** The file grows ahead by this much, so that most allocating writes do not change its size. */
    private static final long GROW_AHEAD_BYTES = 64L << 20;

    /** Clusters beyond those of a full disk that are looked after too: what leaked, or was given back and is not durable. */
    private static final long SPARE_CLUSTERS = 1 << 17;

    private final ImageIo io;
    private final ExpandedHeader header;
    private final ClusterGrid grid;
    private final int clusterSizeBytes;
    private final long firstDataCluster;
    private final AllocationCursor cursor;

    /** Guards the cursor, the file's size, the set of free clusters and what is known about the table. */
    private final Object monitor = new Object();

    private final FreeClusters free;
    private boolean searched;
    private volatile boolean knowsFree;
    private @Nullable ImageException damage;
    private long fileClusters;

    /**
     * @param fresh nobody handed out clusters since the file was opened; otherwise a killed predecessor did, and left what
     *     it knew in the cursor's memory
     */
    ClusterAllocator(ImageIo io, ExpandedHeader header, AllocationCursor cursor, boolean fresh) throws IOException {
        this.io = io;
        this.header = header;
        this.grid = header.grid();
        this.clusterSizeBytes = header.clusterSizeBytes();
        this.firstDataCluster = grid.firstDataCluster();
        this.cursor = cursor;
        this.fileClusters = grid.startedClusters(io.size());
        // The same for every opening of the image. A file whose holes are used again has hardly more clusters than
        // that.
        int sizeBytes =
                FreeClusters.bytesFor(firstDataCluster + header.geometry().clusters() + SPARE_CLUSTERS);
        this.free = new FreeClusters(cursor.memory(sizeBytes), sizeBytes);
        if (fresh) {
            free.begin();
        }
        this.knowsFree = free.known();
    }

    /** The number after the last cluster ever handed out. */
    long nextCluster() {
        return cursor.get();
    }

    boolean nothingAllocated() {
        return cursor.get() <= firstDataCluster;
    }

    /** Whether it is known which clusters are free, so that more can be given back. Never searches, never waits. */
    boolean knowsFree() {
        return knowsFree;
    }

    /**
     * Reads the whole table, if nobody did: afterwards it is known that every entry names a cluster of the file, and which
     * clusters no entry names. Those are punched here, so a predecessor's leavings are gone and their space is given back.
     *
     * <p>What is visible is made durable first: a table that is cleared only in the page cache would come back after a
     * crash and name clusters that were handed out again.
     *
     * @throws ImageException of kind DAMAGED, the same at every later call
     * @throws UnreadableException when the table cannot be read now; the next call tries again
     */
    void search() throws IOException {
        synchronized (monitor) {
            ImageException known = damage;
            if (known != null) {
                throw known;
            }
            if (searched) {
                return;
            }
            try {
                if (free.begun()) {
                    findFree();
                } else if (!free.known()) {
                    // The predecessor was a version that kept no such set: what it handed out is not in the table yet.
                    requireEntries();
                }
                searched = true;
                knowsFree = free.known();
            } catch (ImageException e) {
                if (e.kind() == ImageException.Kind.DAMAGED) {
                    damage = e;
                }
                throw e;
            }
        }
    }

    private void findFree() throws IOException {
        io.flush();
        free.clear();
        long end = cursor.get();
        nameTaken(end);
        if (io.size() < grid.positionBytes(end)) {
            io.truncate(grid.positionBytes(end));
        }
        free.invert(firstDataCluster, end);
        long until = Math.min(end, free.limit());
        for (long cluster = firstDataCluster; cluster < until && free.count() > 0; cluster++) {
            long run = cluster;
            while (run < until && free.contains(run)) {
                run++;
            }
            if (run > cluster) {
                io.punchHole(grid.positionBytes(cluster), (run - cluster) * clusterSizeBytes);
                cluster = run;
            }
        }
        free.setKnown();
    }

    private void requireEntries() throws IOException {
        try {
            TableScan.requireEntries(io, header, cursor.get());
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    private void nameTaken(long endCluster) throws IOException {
        try {
            TableScan.visit(io, header, (virtualCluster, entry) -> {
                if (virtualCluster < header.entries()) {
                    free.add(TableScan.requireEntry(io.name(), grid, virtualCluster, entry, endCluster));
                }
            });
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    int reserve() throws IOException {
        synchronized (monitor) {
            search();
            long hole = free.takeLowest();
            return (int) (hole >= 0 ? hole : append());
        }
    }

    private long append() throws IOException {
        long next = cursor.get();
        if (next > grid.lastCluster()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": the format has no more cluster numbers"
                            + (header.version() == ExpandedVersion.V1 ? "; convert it to version 2" : ""));
        }
        if (next >= fileClusters) {
            grow(next + 1);
        }
        cursor.set(next + 1);
        return next;
    }

    private void grow(long neededClusters) throws IOException {
        long ahead = Math.max(1, GROW_AHEAD_BYTES / clusterSizeBytes);
        long wanted = neededClusters - 1 + ahead;
        try {
            io.truncate(grid.positionBytes(wanted));
            fileClusters = wanted;
        } catch (IOException e) {
            // Near a limit of the file system the single cluster may still fit; if not, that failure is the one to
            // tell.
            io.truncate(grid.positionBytes(neededClusters));
            fileClusters = neededClusters;
        }
    }

    /**
     * Takes back a cluster that the table does not name, neither in the file nor after a crash. One that cannot be punched
     * now is not handed out again: it leaks until the image is opened anew.
     */
    void giveBack(int physicalCluster) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        try {
            io.punchHole(grid.positionBytes(cluster), clusterSizeBytes);
        } catch (IOException e) {
            return;
        }
        synchronized (monitor) {
            if (cluster == cursor.get() - 1) {
                cursor.set(cluster);
            } else if (free.known()) {
                free.add(cluster);
            }
        }
    }

    /**
     * Moves up to that many clusters from the end of the file into free ones. The table in the file is complete and
     * durable, and nobody uses a copy of it any more. Does nothing when it is not known which clusters are free.
     *
     * @return whether it did anything
     */
    boolean compact(long maxClusters) throws IOException {
        synchronized (monitor) {
            long end = cursor.get();
            if (!free.known() || free.count() == 0 || end > free.limit()) {
                return false;
            }
            long newEnd = new TailCompaction(io, header, free).run(end, maxClusters);
            if (newEnd == end) {
                return false;
            }
            // Behind the cursor everything reads as zeros: a successor that finds the file not cut yet appends there.
            io.punchHole(grid.positionBytes(newEnd), (end - newEnd) * clusterSizeBytes);
            cursor.set(newEnd);
            return true;
        }
    }

    /** Gives back what the file has beyond the last cluster in use. The table on disk, durable, names nothing there. */
    void cutSurplus() throws IOException {
        synchronized (monitor) {
            while (free.known() && cursor.get() > firstDataCluster && free.contains(cursor.get() - 1)) {
                free.remove(cursor.get() - 1);
                cursor.set(cursor.get() - 1);
            }
            long end = grid.positionBytes(cursor.get());
            if (io.size() > end) {
                io.truncate(end);
            }
            fileClusters = cursor.get();
        }
    }
}
