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
    static final long MAX_TABLE_BYTES = 8L << 20;

    private static final long MAX_FILE_CLUSTERS = 4L << 20;

    private final ImageIo io;
    private final byte[] named;
    private final BitSet tables = new BitSet();

    private EnoughCounts(ImageIo io, int clusters) {
        this.io = io;
        this.named = new byte[clusters];
    }

    /** How much is read of its L2 tables, at most. */
    static long tableBytes(Qcow2Header header) {
        return (header.l1Entries() * (1L + header.snapshots())) << header.clusterBits();
    }

    /** Whether so little has to be read of the image's tables that nobody minds waiting for it. */
    static boolean isQuick(ImageIo io, Qcow2Header header) throws IOException {
        return clustersOf(io, header) <= MAX_FILE_CLUSTERS && tableBytes(header) <= MAX_TABLE_BYTES;
    }

    private static long clustersOf(ImageIo io, Qcow2Header header) throws IOException {
        return (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
    }

    static void require(ImageIo io, Qcow2Header header) throws IOException {
        require(io, header, false, MAX_TABLE_BYTES);
    }

    /** Whether it was looked at. Of a file that is only read only the counts of tables matter: nothing is handed out. */
    static boolean require(ImageIo io, Qcow2Header header, boolean onlyRead, long maxTableBytes) throws IOException {
        long clusters = clustersOf(io, header);
        if (clusters > MAX_FILE_CLUSTERS || tableBytes(header) > maxTableBytes) {
            return false;
        }
        EnoughCounts all = new EnoughCounts(io, (int) clusters);
        new ReferenceWalk(io, header, all).run();
        new RefcountTable(io, header).visit(0, clusters, (cluster, count) -> {
            int names = Byte.toUnsignedInt(all.named[(int) cluster]);
            if (count < names && (!onlyRead || all.tables.get((int) cluster))) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        io.name() + ": cluster " + cluster + " of the file is named " + names + " times and counted "
                                + count + " times; it could be given to somebody else. It can be read, or repaired with"
                                + " image check");
            }
        });
        return true;
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
