package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.io.ImageIo;

/** Which clusters of a file belong to what, as far as a repair has to know when all L1 and L2 entries are sound. */
final class Occupied implements ReferenceWalk.Visitor {
    private final BitSet refcounts = new BitSet();
    private final BitSet bitmaps = new BitSet();
    private final BitSet others = new BitSet();
    private boolean refcountsBroken;
    private boolean bitmapsBroken;
    private long endCluster;

    private Occupied() {}

    static Occupied of(ImageIo io, Qcow2Header header) throws IOException {
        Occupied occupied = new Occupied();
        new ReferenceWalk(io, header, occupied).run();
        return occupied;
    }

    @Override
    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
        endCluster = Math.max(endCluster, first + count);
        int from = (int) first;
        int until = (int) (first + count);
        switch (owner) {
            case REFCOUNT_TABLE, REFCOUNT_BLOCK -> {
                refcountsBroken |= anySet(refcounts, from, until);
                refcounts.set(from, until);
            }
            case BITMAP_DIRECTORY, BITMAP_TABLE, BITMAP_DATA -> {
                bitmapsBroken |= anySet(bitmaps, from, until);
                bitmaps.set(from, until);
            }
            case HEADER,
                    L1_TABLE,
                    L2_TABLE,
                    DATA,
                    SNAPSHOT_TABLE,
                    SNAPSHOT_L1_TABLE,
                    SNAPSHOT_L2_TABLE,
                    SNAPSHOT_DATA -> others.set(from, until);
        }
    }

    private static boolean anySet(BitSet set, int from, int until) {
        int next = set.nextSetBit(from);
        return next >= 0 && next < until;
    }

    @Override
    public void broken(ReferenceWalk.Owner owner, long index, String what) {
        refcountsBroken |= owner == ReferenceWalk.Owner.REFCOUNT_BLOCK;
        bitmapsBroken |= owner == ReferenceWalk.Owner.BITMAP_DATA;
    }

    /** Whether a bitmap lies in the place of something else, or names something that cannot be. */
    boolean bitmapsOverlap() {
        return bitmapsBroken || bitmaps.intersects(others);
    }

    /** The same for refcount table and blocks. */
    boolean refcountsOverlap() {
        return refcountsBroken || refcounts.intersects(others) || refcounts.intersects(bitmaps);
    }

    /** The cluster behind the last that anything names. */
    long endCluster() {
        return endCluster;
    }
}
