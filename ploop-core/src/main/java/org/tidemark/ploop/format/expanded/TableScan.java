package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Reads the whole table of an expanded image, front to back, in bounded memory. */
public final class TableScan {
    private static final int PIECE_BYTES = 1 << 20;

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
                int entry = piece.getInt(offset);
                if (entry != 0) {
                    visitor.entry((at + offset - ExpandedHeader.BYTES) / 4, entry);
                }
            }
        }
    }

    /**
     * Makes an image that was not closed fit for writing: the file ends after the last cluster that an entry names.
     * Clusters behind it belong to nobody; a short one that is named is made whole. Can be repeated at will.
     */
    static void recover(ImageIo io, ExpandedHeader header, AllocationCursor cursor) throws IOException {
        long size = io.size();
        long fileClusters = ExpandedHeader.ceilDiv(size, header.clusterSizeBytes());
        long next = requireEntries(io, header, fileClusters);
        long wanted = next * header.clusterSizeBytes();
        if (wanted != size) {
            io.truncate(wanted);
            io.flush();
        }
        cursor.set(next);
    }

    /** Throws unless every entry names a cluster that the file has; the first cluster behind all of them. */
    static long requireEntries(ImageIo io, ExpandedHeader header, long fileClusters) throws IOException {
        long[] next = {header.firstDataCluster()};
        visit(io, header, (virtualCluster, entry) -> {
            if (virtualCluster < header.entries()) {
                requireEntry(io.name(), header, virtualCluster, entry, fileClusters);
                next[0] = Math.max(next[0], Integer.toUnsignedLong(entry) + 1);
            }
        });
        return next[0];
    }

    /** Throws unless a nonzero entry names a cluster from the data area up to {@code endCluster}. */
    static void requireEntry(String name, ExpandedHeader header, long virtualCluster, int entry, long endCluster)
            throws ImageException {
        long cluster = Integer.toUnsignedLong(entry);
        if (entry == 0xFFFFFFFF || cluster < header.firstDataCluster() || cluster >= endCluster) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    name + ": the table says that cluster " + virtualCluster + " lies in cluster " + cluster
                            + " of the file; possible are " + header.firstDataCluster() + " to " + (endCluster - 1)
                            + (cluster >= endCluster ? ", the file ends there" : "") + ". Run image check");
        }
    }
}
