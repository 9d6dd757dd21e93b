package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Makes the disk of a closed expanded file smaller.
 *
 * <pre>
 *   entries behind the new end cleared | sync | header | sync
 * </pre>
 *
 * A crash before the second sync leaves the old disk, zeros in parts of what was to go. Clusters that only cleared entries
 * named, and those that the table needs no more, belong to nothing; the next writer uses them again. A format extension is
 * dropped.
 */
final class ExpandedShrink {
    private static final int PIECE_BYTES = 1 << 20;
    private static final int FIRST_PAGE_BYTES = 4096;

    private final ImageIo io;
    private final ExpandedHeader before;
    private final AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);

    ExpandedShrink(ImageIo io, ExpandedHeader before) {
        this.io = io;
        this.before = before;
    }

    void run(DeltaGeometry to) throws IOException {
        if (before.inUse()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name()
                            + ": was not closed; attach and detach it, or run image check, before its size is changed");
        }
        long now = before.geometry().diskSizeBytes();
        if (to.clusterSizeBytes() != before.clusterSizeBytes() || to.diskSizeBytes() > now) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": a disk of " + now + " bytes cannot be made smaller to " + to.diskSizeBytes());
        }
        if (to.diskSizeBytes() == now) {
            return;
        }
        if (!before.grid().aligned()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name()
                            + ": its clusters do not begin at multiples of their size, as old programs left it; convert"
                            + " it first");
        }
        ExpandedHeader after = before.shrunkTo(to);
        clear(ExpandedHeader.BYTES + 4 * to.clusters(), before.dataStartBytes());
        io.flush();
        io.read(0, piece, 0, FIRST_PAGE_BYTES);
        after.encode(piece, 0);
        io.write(0, piece, 0, FIRST_PAGE_BYTES);
        io.flush();
    }

    private void clear(long from, long to) throws IOException {
        piece.zero(0, PIECE_BYTES);
        for (long at = from; at < to; at += PIECE_BYTES) {
            io.write(at, piece, 0, (int) Math.min(PIECE_BYTES, to - at));
        }
    }
}
