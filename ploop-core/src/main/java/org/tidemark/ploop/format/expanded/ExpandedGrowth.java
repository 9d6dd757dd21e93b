package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Enlarges the disk of an expanded file. A larger table may need the place of the first data clusters: those move to the
 * end of the file.
 *
 * <pre>
 *   clusters copied to the end | sync | entries that name the copies | sync | the table's new room zeroed | sync |
 *   header | sync
 * </pre>
 *
 * A crash before the first sync leaves copies that nothing names; before the second, entries of which each is true, old or
 * new; before the last, an image of the old size that does not use the room. The header is one sector. A format extension is
 * dropped: its bitmaps are of a disk of another size.
 *
 * <p>An image in use by this process is enlarged the same way while nobody reads or writes. The cursor is moved behind the
 * copies before an entry names one: a successor of a process killed in between finds either table true. Header and mark are
 * one sector: it never looks closed.
 */
final class ExpandedGrowth {
    private static final int PIECE_BYTES = 1 << 20;

    /** How much the table of an image in use may grow at once: 16 TiB of disk at 1 MiB a cluster. */
    private static final long MOST_OPEN_BYTES = 64L << 20;

    private final ImageIo io;
    private final ExpandedHeader before;
    private final ClusterGrid grid;
    private final AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);

    ExpandedGrowth(ImageIo io, ExpandedHeader before) {
        this.io = io;
        this.before = before;
        this.grid = before.grid();
    }

    void run(DeltaGeometry to) throws IOException {
        if (before.inUse()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name()
                            + ": was not closed; attach and detach it, or run image check, before its size is changed");
        }
        requirePossible(to);
        if (to.diskSizeBytes() != before.geometry().diskSizeBytes()) {
            long used = TableScan.requireEntries(io, before, grid.startedClusters(io.size()));
            run(before.grownTo(to), used, end -> {}, () -> {});
        }
    }

    /** Told where the file's clusters in use end, before anything names one behind the old end. */
    private interface End {
        void at(long cluster) throws IOException;
    }

    /** For an image that is in use by this process, see {@link org.tidemark.ploop.format.DeltaFormat#growOpen}. */
    void runOpen(DeltaGeometry to, AllocationCursor cursor, Runnable noWayBack) throws IOException {
        requirePossible(to);
        ExpandedHeader after = before.grownTo(to).opened();
        long addedBytes = after.dataStartBytes() - before.dataStartBytes();
        if (addedBytes > MOST_OPEN_BYTES) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": its table would become " + (addedBytes >> 20)
                            + " MiB larger, for which writers would"
                            + " have to wait too long; grow it in smaller steps, or while it is not attached");
        }
        run(after, Math.max(cursor.get(), before.firstDataCluster()), cursor::set, noWayBack);
    }

    private void run(ExpandedHeader after, long used, End end, Runnable noWayBack) throws IOException {
        long next = Math.max(used, after.firstDataCluster());
        List<long[]> moves = movesOf(after.firstDataCluster(), next);
        long endCluster = next + moves.size();
        if (io.size() < grid.positionBytes(endCluster)) {
            io.truncate(grid.positionBytes(endCluster));
        }
        end.at(endCluster);
        for (long[] move : moves) {
            copy(grid.positionBytes(move[1]), grid.positionBytes(move[2]));
        }
        io.flush();
        noWayBack.run();
        for (long[] move : moves) {
            piece.putInt(0, grid.entryOf(move[2]));
            io.write(ExpandedHeader.BYTES + 4 * move[0], piece, 0, 4);
        }
        io.flush();
        zero(before.tableEndBytes(), after.dataStartBytes());
        io.flush();
        int length = (int) Math.min(PIECE_BYTES, after.dataStartBytes());
        io.read(0, piece, 0, Math.min(length, AlignedBuffer.ALIGNMENT_BYTES));
        after.encode(piece, 0);
        io.write(0, piece, 0, Math.min(length, AlignedBuffer.ALIGNMENT_BYTES));
        io.flush();
    }

    private void requirePossible(DeltaGeometry to) throws ImageException {
        if (to.clusterSizeBytes() != before.clusterSizeBytes()
                || to.diskSizeBytes() < before.geometry().diskSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": a disk of " + before.geometry().diskSizeBytes() + " bytes cannot become one of "
                            + to.diskSizeBytes() + "; it can only be made larger");
        }
        if (!grid.aligned()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name()
                            + ": its clusters do not begin at multiples of their size, as old programs left it; convert"
                            + " it first");
        }
        boolean tooLarge = to.clusters() > ExpandedHeader.MAX_ENTRIES
                || (before.version() == ExpandedVersion.V1
                        && to.diskSizeBytes() / DeltaGeometry.SECTOR_BYTES > 0xFFFFFFFFL);
        if (tooLarge) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": version " + before.version().number() + " of the format with clusters of "
                            + before.clusterSizeBytes() + " bytes cannot have a disk of " + to.diskSizeBytes()
                            + " bytes; convert it");
        }
    }

    /** Virtual cluster, where it lies, where it goes. */
    private List<long[]> movesOf(long firstDataCluster, long next) throws IOException {
        List<long[]> moves = new ArrayList<>();
        TableScan.visit(io, before, (virtualCluster, word) -> {
            long cluster = grid.clusterOf(word);
            if (virtualCluster < before.entries() && cluster < firstDataCluster) {
                moves.add(new long[] {virtualCluster, cluster, next + moves.size()});
            }
        });
        return moves;
    }

    private void copy(long from, long to) throws IOException {
        for (int at = 0; at < grid.clusterBytes(); at += PIECE_BYTES) {
            int length = Math.min(PIECE_BYTES, grid.clusterBytes() - at);
            io.read(from + at, piece, 0, length);
            io.write(to + at, piece, 0, length);
        }
    }

    /** Real zeros, as where an image is made. */
    private void zero(long from, long to) throws IOException {
        piece.zero(0, PIECE_BYTES);
        for (long at = from; at < to; at += PIECE_BYTES) {
            io.write(at, piece, 0, (int) Math.min(PIECE_BYTES, to - at));
        }
    }
}
