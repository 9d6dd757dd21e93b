package org.tidemark.ploop.device;

/**
 * Keeps two threads from allocating, or copying up, the same virtual cluster at once. Holds at most {@link #SLOTS}
 * clusters, more than a device has threads; allocates nothing.
 */
final class ClusterLockout {
    private static final int SLOTS = 64;
    private static final long FREE = -1;

    /** Guarded by this. */
    private final long[] held = new long[SLOTS];

    ClusterLockout() {
        java.util.Arrays.fill(held, FREE);
    }

    synchronized void lock(long cluster) {
        boolean interrupted = false;
        while (!tryTake(cluster)) {
            try {
                wait(1000);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    synchronized void unlock(long cluster) {
        for (int i = 0; i < SLOTS; i++) {
            if (held[i] == cluster) {
                held[i] = FREE;
                notifyAll();
                return;
            }
        }
        throw new IllegalStateException("cluster " + cluster + " was not locked");
    }

    private boolean tryTake(long cluster) {
        int free = -1;
        for (int i = 0; i < SLOTS; i++) {
            if (held[i] == cluster) {
                return false;
            }
            if (held[i] == FREE && free < 0) {
                free = i;
            }
        }
        if (free < 0) {
            return false;
        }
        held[free] = cluster;
        return true;
    }
}
