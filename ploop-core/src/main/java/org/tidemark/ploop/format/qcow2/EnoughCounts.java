package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Refuses to write to an image whose counts are too low, or two of whose entries name one cluster: the next cluster that is
 * handed out, or the next write in place, would destroy another one's data. Too high counts only lose space. Images whose tables
 * are large are not looked at; {@code image check} does that.
 */
final class EnoughCounts implements ReferenceWalk.Visitor {
    /** Of L2 tables; of the usual cluster size that is a disk of 64 GiB. */
    private static final long MAX_TABLE_BYTES = 8L << 20;

    private static final long MAX_FILE_CLUSTERS = 4L << 20;

    private final ImageIo io;
    private final byte[] named;
    private final BitSet tables = new BitSet();

    private EnoughCounts(ImageIo io, int clusters) {
        this.io = io;
        this.named = new byte[clusters];
    }

    static void require(ImageIo io, Qcow2Header header) throws IOException {
        long clusters = (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
        long tables = 1L + header.snapshots();
        if (clusters > MAX_FILE_CLUSTERS || header.l1Entries() * tables > MAX_TABLE_BYTES >>> header.clusterBits()) {
            return;
        }
        EnoughCounts all = new EnoughCounts(io, (int) clusters);
        new ReferenceWalk(io, header, all).run();
        new RefcountTable(io, header).visit(0, clusters, (cluster, count) -> {
            int names = Byte.toUnsignedInt(all.named[(int) cluster]);
            if (count < names) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        io.name() + ": cluster " + cluster + " of the file is named " + names + " times and counted "
                                + count + " times; it could be given to somebody else. It can be read, or repaired with"
                                + " image check");
            }
        });
    }

    @Override
    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) throws IOException {
        boolean table =
                switch (owner) {
                    case HEADER, REFCOUNT_TABLE, REFCOUNT_BLOCK, L1_TABLE, SNAPSHOT_TABLE -> true;
                    default -> false;
                };
        long end = Math.min(first + count, named.length);
        for (long cluster = Math.max(0, first); cluster < end; cluster++) {
            if (table ? named[(int) cluster] != 0 : tables.get((int) cluster)) {
                throw ReferenceWalk.refuse(io, owner, index, "lies in cluster " + cluster + " with something else");
            }
            if (table) {
                tables.set((int) cluster);
            }
            if (named[(int) cluster] != (byte) 0xFF) {
                named[(int) cluster]++;
            }
        }
    }

    @Override
    public void broken(ReferenceWalk.Owner owner, long index, String what) {
        // Whoever needs the entry is told; nothing is handed out because of it.
    }
}
