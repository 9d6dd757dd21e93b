package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * Moves clusters from the end of the file into free ones before them, so that the file can be cut. The table in the file is
 * the only one there is: nobody has the image's map in memory.
 *
 * <pre>
 *   data into the free clusters | sync | entries that name them | sync | (the caller cuts the file, syncs)
 * </pre>
 *
 * A disk without room for the copies leaves everything as it was: nothing is moved.
 *
 * <p>A crash before the first sync, or between the two: the old entries are true, the free clusters hold copies that nothing
 * names. After the second: the new entries are true, the old clusters belong to nothing and are behind all others.
 */
final class TailCompaction {
    private static final System.Logger LOG = System.getLogger(TailCompaction.class.getName());
    private static final int COPY_BYTES = 1 << 20;
    /** Moved between two pairs of syncs. */
    private static final long ROUND_BYTES = 256L << 20;

    private static final int MAX_ROUND_CLUSTERS = 4096;

    private final ImageIo io;
    private final ExpandedHeader header;
    private final ClusterGrid grid;
    private final FreeClusters free;
    private final AlignedBuffer copy = AlignedBuffer.allocate(COPY_BYTES);
    private final AlignedBuffer entry = AlignedBuffer.allocate(4);

    TailCompaction(ImageIo io, ExpandedHeader header, FreeClusters free) {
        this.io = io;
        this.header = header;
        this.grid = header.grid();
        this.free = free;
    }

    /**
     * Moves at most {@code maxClusters} clusters; what was moved, and the table, are durable on return.
     *
     * @param end the number after the last cluster of the file
     * @return the same afterwards: nothing names that cluster or one behind it
     */
    long run(long end, long maxClusters) throws IOException {
        long now = end;
        for (long left = maxClusters; left > 0; ) {
            int round = (int) Math.min(left, Math.max(1, ROUND_BYTES / grid.clusterBytes()));
            long then = round(now, Math.min(round, MAX_ROUND_CLUSTERS));
            if (then == now) {
                return now;
            }
            left -= Math.min(left, now - then);
            now = then;
        }
        return now;
    }

    private long round(long end, int maxClusters) throws IOException {
        long newEnd = newEnd(end, maxClusters);
        if (newEnd == end) {
            return end;
        }
        long[] virtual = new long[maxClusters];
        long[] from = new long[maxClusters];
        int[] count = {0};
        TableScan.visit(io, header, (virtualCluster, word) -> {
            long cluster = grid.clusterOf(word);
            if (virtualCluster < header.entries() && cluster >= newEnd) {
                if (count[0] == maxClusters) {
                    throw new IOException(io.name() + ": two entries of the table name one cluster; run image check");
                }
                virtual[count[0]] = virtualCluster;
                from[count[0]] = cluster;
                count[0]++;
            }
        });
        long[] to = new long[count[0]];
        if (!copied(from, to)) {
            return end;
        }
        for (int i = 0; i < to.length; i++) {
            entry.putInt(0, grid.entryOf(to[i]));
            io.write(ExpandedHeader.BYTES + 4 * virtual[i], entry, 0, 4);
        }
        io.flush();
        for (long cluster = newEnd; cluster < Math.min(end, free.limit()); cluster++) {
            free.remove(cluster);
        }
        return newEnd;
    }

    /** Copies everything, durably; false when the disk has no room for it, and then nothing has changed. */
    private boolean copied(long[] from, long[] to) throws IOException {
        int taken = 0;
        try {
            for (int i = 0; i < to.length; i++) {
                to[i] = free.takeLowest();
                taken++;
                copyCluster(from[i], to[i]);
            }
            io.flush();
            return true;
        } catch (OsException e) {
            if (!Errno.isNoSpace(e.errno())) {
                throw e;
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    io.name() + ": no room to move clusters into its holes: " + e.getMessage());
            for (int i = 0; i < taken; i++) {
                // A free cluster reads as zeros.
                io.punchHole(grid.positionBytes(to[i]), grid.clusterBytes());
                free.add(to[i]);
            }
            return false;
        }
    }

    /** How far back the end can go when so many clusters are moved: each one finds a free cluster before the new end. */
    private long newEnd(long end, int maxClusters) {
        long newEnd = end;
        long filled = -1;
        long hole = free.next(grid.firstDataCluster());
        int moves = 0;
        // What was filled in thought is not free any more, whatever the set still says.
        while (newEnd - 1 > filled && newEnd > grid.firstDataCluster()) {
            if (!free.contains(newEnd - 1)) {
                if (hole < 0 || hole >= newEnd - 1 || moves == maxClusters) {
                    break;
                }
                filled = hole;
                hole = free.next(hole + 1);
                moves++;
            }
            newEnd--;
        }
        return newEnd;
    }

    private void copyCluster(long from, long to) throws IOException {
        long source = grid.positionBytes(from);
        long target = grid.positionBytes(to);
        io.dataExtents(source, grid.clusterBytes(), (position, length) -> {
            for (long at = position; at < position + length; at += COPY_BYTES) {
                int piece = (int) Math.min(COPY_BYTES, position + length - at);
                io.read(at, copy, 0, piece);
                if (!copy.isZero(0, piece)) {
                    io.write(target + (at - source), copy, 0, piece);
                }
            }
        });
    }
}
