package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/** Counts of all that an L1 table leads to, up or down by one. For one thread, while nobody has the image open. */
final class TreeReferences {
    private final ImageIo io;
    private final Qcow2Header header;
    private final HostClusters clusters;
    private final AlignedBuffer l2;

    TreeReferences(ImageIo io, Qcow2Header header, HostClusters clusters) {
        this.io = io;
        this.header = header;
        this.clusters = clusters;
        this.l2 = AlignedBuffer.allocate(header.clusterSizeBytes());
    }

    /** The entries of an L1 table. */
    long[] entries(long offset, int count) throws IOException {
        List<Long> found = new ArrayList<>();
        AlignedBuffer piece = AlignedBuffer.allocate(4096);
        for (long at = 0; at < count * 8L; at += 4096) {
            int length = (int) Math.min(4096, count * 8L - at);
            io.read(offset + at, piece, 0, length);
            for (int i = 0; i < length; i += 8) {
                found.add(Long.reverseBytes(piece.getLong(i)));
            }
        }
        return found.stream().mapToLong(Long::longValue).toArray();
    }

    /** One reference more, or one less, for the L2 table of an L1 entry and all that it names. */
    void change(long l1Entry, boolean more) throws IOException {
        long table = l1Entry & L2Entry.OFFSET;
        if (table == 0) {
            return;
        }
        io.read(table, l2, 0, header.clusterSizeBytes());
        boolean claimed = false;
        for (int at = 0; at < header.clusterSizeBytes(); at += header.l2EntryBytes()) {
            long entry = Long.reverseBytes(l2.getLong(at));
            if (more && (entry & L2Entry.COPIED) != 0) {
                l2.putLong(at, Long.reverseBytes(entry & ~L2Entry.COPIED));
                claimed = true;
            }
            if ((entry & L2Entry.COMPRESSED) != 0) {
                int bits = header.clusterBits();
                long offset = L2Entry.compressedOffset(entry, bits);
                long last = offset + L2Entry.compressedBytes(entry, bits) - 1;
                for (long cluster = offset >>> bits; cluster <= last >>> bits; cluster++) {
                    changeCluster(cluster, more);
                }
            } else if (L2Entry.offset(entry) != 0) {
                changeCluster(L2Entry.offset(entry) >>> header.clusterBits(), more);
            }
        }
        if (claimed) {
            // Two tables will lead here: no entry may call its cluster its own.
            io.write(table, l2, 0, header.clusterSizeBytes());
        }
        changeCluster(table >>> header.clusterBits(), more);
    }

    private void changeCluster(long cluster, boolean more) throws IOException {
        if (more) {
            clusters.addReference(cluster);
        } else {
            clusters.release(cluster);
        }
    }
}
