package org.tidemark.ploop.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;

/**
 * Clusters of the top delta on their way from the map to being handed out again.
 *
 * <pre>
 *   the map's entry is cleared | the cleared entry is durable | nobody reads or writes there any more | back to the delta
 *                        {@link #offer}                  {@link #durable}                               {@link #settle}
 * </pre>
 *
 * A crash on the way leaves the old entry in the file, which is true as long as nobody else uses the cluster, or a cluster
 * that nothing names. A process killed on the way leaks the cluster until the image is opened anew.
 */
final class ReleasedClusters {
    /** More than that wait for a flush, then the next ones are only punched. */
    static final int CAPACITY = 1 << 16;

    private static final int NO_TURN = -1;

    private final Delta top;
    private final Visits visits;
    /** Made at the first offer: many devices never see one. */
    private volatile @Nullable IntBuffer ring;

    // Positions in the ring, ever growing. Guarded by this.
    private long offered;
    private long durable;
    /** Up to here they wait for the visitors of {@link #turn}. */
    private long waiting;

    private long returned;
    private int turn = NO_TURN;

    ReleasedClusters(Delta top, Visits visits) {
        this.top = top;
        this.visits = visits;
    }

    /** Whether there is room for so many more. */
    synchronized boolean hasRoom() {
        // One for each thread that may have asked already.
        return offered - returned < CAPACITY - 64;
    }

    /** The map's entry of the cluster was cleared before the call. */
    synchronized void offer(int physicalCluster) {
        if (offered - returned < CAPACITY) {
            ring().put((int) (offered % CAPACITY), physicalCluster);
            offered++;
        }
    }

    private IntBuffer ring() {
        IntBuffer known = ring;
        if (known == null) {
            synchronized (this) {
                known = ring;
                if (known == null) {
                    known = ByteBuffer.allocateDirect(CAPACITY * 4)
                            .order(ByteOrder.nativeOrder())
                            .asIntBuffer();
                    ring = known;
                }
            }
        }
        return known;
    }

    /** At the beginning of a flush: everything offered so far is in the pages that it will write. */
    synchronized long mark() {
        return offered;
    }

    /** The flush that began with {@code mark} is done. */
    synchronized void durable(long mark) {
        durable = Math.max(durable, mark);
    }

    /** Gives back what nobody uses any more. By one thread at a time; never waits. */
    void settle() {
        while (true) {
            long from;
            long until;
            synchronized (this) {
                if (waiting == returned) {
                    if (durable == waiting) {
                        return;
                    }
                    turn = visits.next();
                    waiting = durable;
                }
                if (!visits.haveLeft(turn)) {
                    return;
                }
                from = returned;
                until = waiting;
            }
            for (long at = from; at < until; at++) {
                top.release(ring().get((int) (at % CAPACITY)));
            }
            synchronized (this) {
                returned = until;
            }
        }
    }
}
