package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** New clusters behind the end of a file whose counts cannot be trusted. For one thread; the counts are put right later. */
final class FreshClusters {
    private final ImageIo io;
    private final Qcow2Header header;
    private final AlignedBuffer cluster;
    private final long startBytes;
    private long next;

    FreshClusters(ImageIo io, Qcow2Header header) throws IOException {
        this.io = io;
        this.header = header;
        this.cluster = AlignedBuffer.allocate(header.clusterSizeBytes());
        this.next = (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
        this.startBytes = next << header.clusterBits();
    }

    /** So many clusters side by side; the position of the first. */
    long take(long clusters) throws IOException {
        if (next + clusters > PhysicalCluster.MAX_HOST_CLUSTERS) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, io.name() + ": the file would have too many clusters");
        }
        long position = next << header.clusterBits();
        next += clusters;
        io.truncate(next << header.clusterBits());
        return position;
    }

    /** Where the file ended before anything was taken. */
    long startBytes() {
        return startBytes;
    }

    /** Where the file ends with what was taken. */
    long endBytes() {
        return next << header.clusterBits();
    }

    /** Copies clusters to a new place; durable on return. */
    long copy(long position, long clusters) throws IOException {
        long to = take(clusters);
        for (long i = 0; i < clusters; i++) {
            long offset = i << header.clusterBits();
            io.read(position + offset, cluster, 0, header.clusterSizeBytes());
            io.write(to + offset, cluster, 0, header.clusterSizeBytes());
        }
        io.flush();
        return to;
    }
}
