package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Reads the whole table of an expanded image, front to back, in bounded memory. */
public final class TableScan {
    private static final int PIECE_BYTES = 128 << 10;

    /** 8 MiB of bits. */
    private static final long MAX_WATCHED_CLUSTERS = 64L << 20;

    private TableScan() {}

    /** Receives every entry that is not 0. */
    @FunctionalInterface
    public interface EntryVisitor {
        void entry(long virtualCluster, int entry) throws IOException;
    }

    /** Visits the words from entry {@code 0} up to the end of the table's area, so also the padding after the last entry. */
    public static void visit(ImageIo io, ExpandedHeader header, EntryVisitor visitor) throws IOException {
        long end = header.dataStartBytes();
        AlignedBuffer piece = AlignedBuffer.allocate((int) Math.min(PIECE_BYTES, end));
        for (long at = 0; at < end; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, end - at);
            io.read(at, piece, 0, length);
            for (int offset = at == 0 ? ExpandedHeader.BYTES : 0; offset + 4 <= length; offset += 4) {
                // Most of a table is empty: two entries at a time.
                while (offset + 12 <= length && piece.getLong(offset) == 0) {
                    offset += 8;
                }
                int entry = piece.getInt(offset);
                if (entry != 0) {
                    visitor.entry((at + offset - ExpandedHeader.BYTES) / 4, entry);
                }
            }
        }
    }

    /**
     * The first entry that names a cluster behind the end of the disk, or -1. No program leaves one: either the entry is
     * wrong, or the size in the header, and then what the entry names would be missing.
     */
    public static long firstBehindDisk(ImageIo io, ExpandedHeader header) throws IOException {
        long needed = header.neededEntries();
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        long end = header.tableEndBytes();
        for (long at = ExpandedHeader.BYTES + 4 * needed; at < end; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, end - at);
            io.read(at, piece, 0, length);
            if (piece.isZero(0, length)) {
                continue;
            }
            for (int offset = 0; offset + 4 <= length; offset += 4) {
                if (piece.getInt(offset) != 0) {
                    return (at + offset - ExpandedHeader.BYTES) / 4;
                }
            }
        }
        return -1;
    }

    /** Throws when an entry names a cluster behind the end of the disk. */
    static void requireNoneBehindDisk(ImageIo io, ExpandedHeader header) throws IOException {
        long behind = firstBehindDisk(io, header);
        if (behind >= 0) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": the header says that the disk has "
                            + header.geometry().diskSizeBytes() + " bytes, but the table has cluster " + behind
                            + " behind its end. Run image check");
        }
    }

    /** Finds out where the clusters of an image begin that does not say it: where the first entry says that one does. */
    static ExpandedHeader locateClusters(ImageIo io, ExpandedHeader header) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        long end = header.tableEndBytes();
        for (long at = 0; at < end; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, end - at);
            io.read(at, piece, 0, length);
            for (int offset = at == 0 ? ExpandedHeader.BYTES : 0; offset + 4 <= length; offset += 4) {
                long sector = Integer.toUnsignedLong(piece.getInt(offset));
                if (sector != 0 && sector * 512 >= end && sector * 512 < io.size()) {
                    return header.withClusterAt(sector);
                }
            }
        }
        return header;
    }

    /**
     * Makes an image that was not closed fit for writing: the file ends after the last cluster that an entry names.
     * Clusters behind it belong to nobody; a short one that is named is made whole. Can be repeated at will.
     */
    static void recover(ImageIo io, ExpandedHeader header, AllocationCursor cursor) throws IOException {
        long size = io.size();
        long next = requireEntries(io, header, header.grid().startedClusters(size));
        long wanted = header.grid().positionBytes(next);
        if (wanted != size) {
            io.truncate(wanted);
            io.flush();
        }
        cursor.set(next);
    }

    /**
     * Throws unless every entry names a cluster that the file has, and no other entry's; the first cluster behind all of
     * them. Who shares is not looked for in a file of very many clusters.
     */
    static long requireEntries(ImageIo io, ExpandedHeader header, long fileClusters) throws IOException {
        ClusterGrid grid = header.grid();
        long[] next = {grid.firstDataCluster()};
        BitSet named = new BitSet();
        visit(io, header, (virtualCluster, entry) -> {
            if (virtualCluster < header.entries()) {
                long cluster = requireEntry(io.name(), grid, virtualCluster, entry, fileClusters);
                next[0] = Math.max(next[0], cluster + 1);
                if (cluster < MAX_WATCHED_CLUSTERS) {
                    if (named.get((int) cluster)) {
                        throw new ImageException(
                                ImageException.Kind.DAMAGED,
                                io.name() + ": the table says that cluster " + virtualCluster + " lies in cluster "
                                        + cluster + " of the file, where another one lies. It can be read, or repaired"
                                        + " with image check");
                    }
                    named.set((int) cluster);
                }
            }
        });
        return next[0];
    }

    /** The cluster that a nonzero entry names. Throws unless it lies in the data area before {@code endCluster}. */
    static long requireEntry(String name, ClusterGrid grid, long virtualCluster, int entry, long endCluster)
            throws ImageException {
        long cluster = grid.clusterOf(entry);
        if (entry != 0xFFFFFFFF && cluster >= grid.firstDataCluster() && cluster < endCluster) {
            return cluster;
        }
        String says = name + ": the table says that cluster " + virtualCluster + " lies in ";
        throw new ImageException(
                ImageException.Kind.DAMAGED,
                cluster == ClusterGrid.MISALIGNED
                        ? says + "sector " + Integer.toUnsignedLong(entry)
                                + " of the file, where no cluster begins. Run image check"
                        : says + "cluster " + cluster + " of the file; possible are " + grid.firstDataCluster() + " to "
                                + (endCluster - 1) + (cluster >= endCluster ? ", the file ends there" : "")
                                + ". Run image check");
    }
}
