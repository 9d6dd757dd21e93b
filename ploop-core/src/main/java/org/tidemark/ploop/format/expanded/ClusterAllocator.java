package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Hands out clusters at the end of an expanded image. Whatever it hands out reads as zeros: it is new file, or was punched.
 * Safe for use by several threads; allocates no memory.
 */
final class ClusterAllocator {
    /** The file grows ahead by this much, so that most allocating writes do not change its size. */
    private static final long GROW_AHEAD_BYTES = 64L << 20;

    /** Clusters beyond this number cannot be named by an entry. */
    private static final long MAX_CLUSTER = 0xFFFFFFFEL;

    private static final int MAX_FREE = 1024;

    private final ImageIo io;
    private final int clusterSizeBytes;
    private final long firstDataCluster;
    private final AllocationCursor cursor;

    /** Guards the cursor, the file's size and the list of free clusters. */
    private final Object monitor = new Object();

    private final int[] free = new int[MAX_FREE];
    private int freeCount;
    private long fileClusters;

    ClusterAllocator(ImageIo io, ExpandedHeader header, AllocationCursor cursor) throws IOException {
        this.io = io;
        this.clusterSizeBytes = header.clusterSizeBytes();
        this.firstDataCluster = header.firstDataCluster();
        this.cursor = cursor;
        this.fileClusters = io.size() / clusterSizeBytes;
    }

    /** The number after the last cluster ever handed out. */
    long nextCluster() {
        return cursor.get();
    }

    boolean nothingAllocated() {
        return cursor.get() <= firstDataCluster;
    }

    int reserve() throws IOException {
        synchronized (monitor) {
            if (freeCount > 0) {
                return free[--freeCount];
            }
            long next = cursor.get();
            if (next > MAX_CLUSTER) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED, io.name() + ": the format has no more cluster numbers");
            }
            if (next >= fileClusters) {
                grow(next + 1);
            }
            cursor.set(next + 1);
            return (int) next;
        }
    }

    private void grow(long neededClusters) throws IOException {
        long ahead = Math.max(1, GROW_AHEAD_BYTES / clusterSizeBytes);
        long wanted = neededClusters - 1 + ahead;
        try {
            io.truncate(wanted * clusterSizeBytes);
            fileClusters = wanted;
        } catch (IOException e) {
            // Near a limit of the file system the single cluster may still fit; if not, that failure is the one to
            // tell.
            io.truncate(neededClusters * clusterSizeBytes);
            fileClusters = neededClusters;
        }
    }

    /** A cluster that cannot be punched now is not handed out again: it leaks until the image is compacted. */
    void unreserve(int physicalCluster) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        try {
            io.punchHole(cluster * clusterSizeBytes, clusterSizeBytes);
        } catch (IOException e) {
            return;
        }
        synchronized (monitor) {
            if (cluster == cursor.get() - 1) {
                cursor.set(cluster);
            } else if (freeCount < MAX_FREE) {
                free[freeCount++] = physicalCluster;
            }
        }
    }

    /** Gives back what the file has beyond the last cluster handed out. */
    void cutSurplus() throws IOException {
        synchronized (monitor) {
            long end = cursor.get() * clusterSizeBytes;
            if (io.size() > end) {
                io.truncate(end);
            }
            fileClusters = cursor.get();
        }
    }
}
