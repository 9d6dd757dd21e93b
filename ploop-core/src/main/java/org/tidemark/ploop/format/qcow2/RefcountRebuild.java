package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Makes the refcount table and all its blocks anew, behind the end of the file, with the counts that the references ask for.
 *
 * <pre>
 *   blocks | table, durable | header names it, durable
 *   crash before the header: nothing has changed; after it: the old ones are free
 * </pre>
 */
final class RefcountRebuild {
    private static final long WINDOW_CLUSTERS = 1L << 24;

    private final ImageIo io;
    private final Qcow2Header header;
    private final long start;
    private final long perBlock;
    private long tableClusters = 1;
    private long blocks = 1;

    /** @param endCluster behind the last cluster that anything names */
    RefcountRebuild(ImageIo io, Qcow2Header header, long endCluster) throws IOException {
        this.io = io;
        this.header = header;
        this.start = Math.max(endCluster, (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits());
        this.perBlock = header.refcountBlockEntries();
        while (true) {
            long neededBlocks = (end() - 1) / perBlock + 1;
            long neededTable = (neededBlocks * 8 - 1) / header.clusterSizeBytes() + 1;
            if (neededBlocks <= blocks && neededTable <= tableClusters) {
                break;
            }
            blocks = Math.max(blocks, neededBlocks);
            tableClusters = Math.max(tableClusters, neededTable);
        }
    }

    private long end() {
        return start + blocks + tableClusters;
    }

    void run() throws IOException {
        if (tableClusters * header.clusterSizeBytes() > Qcow2Header.MAX_REFCOUNT_TABLE_BYTES) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": a refcount table for its " + end()
                            + " clusters would be too large; convert it to larger clusters");
        }
        long blocksPerWindow = Math.max(1, Math.min(blocks, WINDOW_CLUSTERS / perBlock));
        ByteBuffer counted = ByteBuffer.allocateDirect((int) (blocksPerWindow * perBlock * 4));
        for (long block = 0; block < blocks; block += blocksPerWindow) {
            long until = Math.min(blocks, block + blocksPerWindow);
            count(counted, block * perBlock, until * perBlock);
            for (long one = block; one < until; one++) {
                writeBlock(counted, one, (int) (one - block));
            }
        }
        long table = (start + blocks) << header.clusterBits();
        AlignedBuffer cluster = AlignedBuffer.allocate(header.clusterSizeBytes());
        int perCluster = header.clusterSizeBytes() / 8;
        for (long i = 0; i < tableClusters; i++) {
            cluster.zero(0, header.clusterSizeBytes());
            for (long one = i * perCluster; one < Math.min(blocks, (i + 1) * perCluster); one++) {
                cluster.putLong((int) (one % perCluster) * 8, Long.reverseBytes((start + one) << header.clusterBits()));
            }
            io.write(table + (i << header.clusterBits()), cluster, 0, header.clusterSizeBytes());
        }
        io.flush();
        cluster.putLong(0, Long.reverseBytes(table));
        cluster.putInt(8, Integer.reverseBytes((int) tableClusters));
        io.write(Qcow2Header.AT_REFCOUNT_TABLE, cluster, 0, 12);
        io.flush();
    }

    private void count(ByteBuffer counted, long from, long until) throws IOException {
        for (int i = 0; i < counted.capacity(); i += 4) {
            counted.putInt(i, 0);
        }
        ReferenceCounts counts = new ReferenceCounts(io, counted, from, until);
        new ReferenceWalk(io, header, counts).run();
        counts.add(start, blocks + tableClusters);
    }

    private void writeBlock(ByteBuffer counted, long block, int inWindow) throws IOException {
        AlignedBuffer cluster = AlignedBuffer.allocate(header.clusterSizeBytes());
        int bits = header.refcountBits();
        long max = bits == 64 ? Long.MAX_VALUE : (1L << bits) - 1;
        for (int i = 0; i < perBlock; i++) {
            long count = Integer.toUnsignedLong(counted.getInt((int) (inWindow * perBlock + i) * 4));
            if (count > max) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        io.name() + ": cluster " + (block * perBlock + i) + " of the file is referred to " + count
                                + " times, more than " + bits + " bits can count; convert the image");
            }
            RefcountTable.putCount(cluster, (int) ((long) i * bits / 8), (int) ((long) i * bits % 8), bits, count);
        }
        io.write((start + block) << header.clusterBits(), cluster, 0, header.clusterSizeBytes());
    }

    /** References to the clusters of a window, without those of the old table and blocks. */
    private record ReferenceCounts(ImageIo io, ByteBuffer counted, long from, long until)
            implements ReferenceWalk.Visitor {
        @Override
        public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
            if (owner != ReferenceWalk.Owner.REFCOUNT_TABLE && owner != ReferenceWalk.Owner.REFCOUNT_BLOCK) {
                add(first, count);
            }
        }

        void add(long first, long count) {
            for (long one = Math.max(first, from); one < Math.min(first + count, until); one++) {
                int at = (int) (one - from) * 4;
                counted.putInt(at, counted.getInt(at) + 1);
            }
        }

        @Override
        public void broken(ReferenceWalk.Owner owner, long index, String what) throws IOException {
            if (owner != ReferenceWalk.Owner.REFCOUNT_BLOCK) {
                throw ReferenceWalk.refuse(io, owner, index, what);
            }
        }
    }
}
