package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * A change of an image's tables by one command, while nobody has it attached: the header, the clusters and the mark of use,
 * which the caller sets before the first change; {@link #finish} clears it.
 */
final class Editing {
    final ImageIo io;
    final Qcow2Header header;
    final HostClusters clusters;
    final UseMark mark;

    private Editing(ImageIo io, Qcow2Header header, HostClusters clusters) {
        this.io = io;
        this.header = header;
        this.clusters = clusters;
        this.mark = new UseMark(io, header);
    }

    /** Reads only. Throws NOT_CLOSED for an image whose counts cannot be trusted. */
    static Editing begin(ImageIo io) throws IOException {
        return begin(io, AllocationCursor.transientCursor());
    }

    /** @param cursor where a successor looks when this process is killed: from there on clusters belong to nobody */
    static Editing begin(ImageIo io, AllocationCursor cursor) throws IOException {
        Qcow2Header header = Qcow2Header.read(io);
        if (!io.writable()) {
            throw new ImageException(ImageException.Kind.READ_ONLY, io.name() + ": open for reading only");
        }
        if (header.dirty() || header.corrupt()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name() + ": is open elsewhere, or was not closed; run image check and recover it first");
        }
        cursor.set(HostClusters.firstFree(io, header));
        return new Editing(io, header, new HostClusters(io, header, cursor, false));
    }

    int clustersOf(long bytes) {
        return (int) ((bytes + header.clusterSizeBytes() - 1) >>> header.clusterBits());
    }

    /** Everything is durable and the mark is gone on return. */
    void finish() throws IOException {
        clusters.cutSurplus();
        io.flush();
        mark.clear();
    }
}
