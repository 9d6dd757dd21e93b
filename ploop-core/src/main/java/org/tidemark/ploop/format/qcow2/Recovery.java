package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.io.ImageIo;

/**
 * Makes an image fit for writing that was not closed: counts every reference and sets the refcounts accordingly, which also
 * collects what the crash leaked. Refuses an image with entries that name nothing. Can be repeated at will.
 *
 * <pre>
 *   missing refcount blocks made, durable | counts that are too low raised, durable | those too high lowered, durable | file cut
 *   crash anywhere: the dirty bit is still set, the next recovery begins anew
 * </pre>
 */
final class Recovery {
    /** Clusters counted at once: 64 MiB of memory. Larger files are walked through several times. */
    private static final long WINDOW_CLUSTERS = 1L << 24;

    private final ImageIo io;
    private Qcow2Header header;
    private long endCluster;

    private final long keptBytes;
    private long raised;
    private long lowered;

    /** How many counts were too low, and how many too high. */
    record Changes(long raised, long lowered) {}

    private Recovery(ImageIo io, Qcow2Header header, long keptBytes) {
        this.io = io;
        this.header = header;
        this.keptBytes = keptBytes;
    }

    /** Returns the header as it is afterwards. */
    static Qcow2Header run(ImageIo io, Qcow2Header header) throws IOException {
        Recovery recovery = new Recovery(io, header, 0);
        recovery.go();
        return recovery.header;
    }

    /** The same, but does not cut the file below a size: what lies there is free, not gone. */
    static Changes keeping(ImageIo io, Qcow2Header header, long keptBytes) throws IOException {
        Recovery recovery = new Recovery(io, header, keptBytes);
        recovery.go();
        return new Changes(recovery.raised, recovery.lowered);
    }

    private void go() throws IOException {
        makeBlocks();
        header = Qcow2Header.read(io);
        count();
    }

    private void makeBlocks() throws IOException {
        BitSet needed = new BitSet();
        new ReferenceWalk(io, header, new Strict() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
                        endCluster = Math.max(endCluster, first + count);
                        long perBlock = header.refcountBlockEntries();
                        needed.set((int) (first / perBlock), (int) ((first + count - 1) / perBlock) + 1);
                    }
                })
                .run();
        AllocationCursor cursor = AllocationCursor.transientCursor();
        cursor.set(Math.max(endCluster, HostClusters.firstFree(io, header)));
        HostClusters clusters = new HostClusters(io, header, cursor, false);
        for (int index = needed.nextSetBit(0); index >= 0; index = needed.nextSetBit(index + 1)) {
            clusters.ensureBlock(index);
        }
        io.flush();
    }

    private void count() throws IOException {
        long clusters = (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
        RefcountTable stored = new RefcountTable(io, header);
        clusters = Math.max(clusters, stored.end());
        int window = (int) Math.min(clusters, WINDOW_CLUSTERS);
        ByteBuffer counted = ByteBuffer.allocateDirect(window * 4);
        for (boolean raise : new boolean[] {true, false}) {
            for (long from = 0; from < clusters; from += window) {
                long until = Math.min(clusters, from + window);
                countWindow(counted, from, until);
                set(stored, counted, from, until, raise);
            }
            io.flush();
        }
        long end = Math.max(keptBytes, stored.end() * header.clusterSizeBytes());
        if (io.size() > end) {
            io.truncate(end);
            io.flush();
        }
    }

    private void countWindow(ByteBuffer counted, long from, long until) throws IOException {
        for (int i = 0; i < counted.capacity(); i += 4) {
            counted.putInt(i, 0);
        }
        new ReferenceWalk(io, header, new Strict() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
                        for (long one = Math.max(first, from); one < Math.min(first + count, until); one++) {
                            int at = (int) (one - from) * 4;
                            counted.putInt(at, counted.getInt(at) + 1);
                        }
                    }
                })
                .run();
        requireSoleOwners(counted, from, until);
    }

    /** What an entry calls its own may be overwritten in place: nothing else may refer to it. */
    private void requireSoleOwners(ByteBuffer counted, long from, long until) throws IOException {
        new ReferenceWalk(io, header, new Strict() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {}

                    @Override
                    public void copied(ReferenceWalk.Owner owner, long index, long hostCluster, boolean copied)
                            throws IOException {
                        boolean here = hostCluster >= from && hostCluster < until;
                        if (here && copied && counted.getInt((int) (hostCluster - from) * 4) > 1) {
                            throw ReferenceWalk.refuse(
                                    io, owner, index, "calls cluster " + hostCluster + " its own, but is not alone");
                        }
                    }
                })
                .run();
    }

    /** A cluster without a block is counted 0 times and, blocks having been made, referred to by nothing. */
    private void set(RefcountTable stored, ByteBuffer counted, long from, long until, boolean raise)
            throws IOException {
        stored.visit(from, until, (cluster, is) -> {
            long right = Integer.toUnsignedLong(counted.getInt((int) (cluster - from) * 4));
            if (raise ? is < right : is > right) {
                stored.set(cluster, cluster + 1, right);
                raised += raise ? 1 : 0;
                lowered += raise ? 0 : 1;
            }
        });
    }

    /** Refuses what is broken. */
    private abstract class Strict implements ReferenceWalk.Visitor {
        @Override
        public void broken(ReferenceWalk.Owner owner, long index, String what) throws IOException {
            throw ReferenceWalk.refuse(io, owner, index, what);
        }
    }
}
