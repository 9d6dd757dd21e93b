package org.tidemark.ploop.chain;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.RecentWrites;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * Writes what an upper delta holds down into the delta below it. The upper one is only read.
 *
 * <p>Whoever reads through both sees the same at every moment, and after a crash too: what was copied is still hidden by the
 * upper delta. So a merge that was broken off is simply done once more. Order for each page of the map: clusters, sync, page,
 * sync.
 *
 * <p>The upper delta may be the top of a device that is being written to. Then {@link #run} is followed by {@link #again},
 * which copies what was written meanwhile, as often as it takes to be little, and once more while nobody writes.
 */
final class DeltaMerge {
    private static final int COPY_BYTES = 1 << 20;

    /** When no more than this is left to copy, writers wait for it. */
    private static final long SHORT_STEP_BYTES = 16L << 20;

    /** Writers never wait for more than this to be copied. */
    private static final long LONGEST_STEP_BYTES = 256L << 20;

    private static final int MAX_ROUNDS = 16;

    private final Upper upper;
    private final Delta lower;
    private final boolean lowerIsBase;
    private final int clusterBytes;
    private final long diskBytes;
    private final ChainProgress progress;
    private final AlignedBuffer upperPage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
    private final AlignedBuffer lowerPage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
    private final AlignedBuffer copy;

    /** What is read: a delta whose map is in its file, or the top of a device, whose map may not be. */
    private interface Upper {
        void readMapPage(long page, AlignedBuffer dst) throws IOException;

        void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int lengthBytes) throws IOException;
    }

    /** A delta that nobody writes to. */
    static DeltaMerge of(Delta upper, Delta lower, boolean lowerIsBase, ChainProgress progress) throws ImageException {
        Upper source = new Upper() {
            @Override
            public void readMapPage(long page, AlignedBuffer dst) throws IOException {
                upper.readMapPage(page, dst, 0);
            }

            @Override
            public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int lengthBytes)
                    throws IOException {
                upper.read(physicalCluster, offsetBytes, dst, 0, lengthBytes);
            }
        };
        return new DeltaMerge(source, upper, lower, lowerIsBase, progress);
    }

    /** The top of a device in use. */
    static DeltaMerge ofTop(PloopDevice device, Delta lower, boolean lowerIsBase, ChainProgress progress)
            throws ImageException {
        Delta top = device.deltas().get(device.deltas().size() - 1);
        Upper source = new Upper() {
            @Override
            public void readMapPage(long page, AlignedBuffer dst) throws IOException {
                device.readTopPage(page, dst);
            }

            @Override
            public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int lengthBytes)
                    throws IOException {
                top.read(physicalCluster, offsetBytes, dst, 0, lengthBytes);
            }
        };
        return new DeltaMerge(source, top, lower, lowerIsBase, progress);
    }

    /**
     * @param lowerIsBase whether nothing lies below the lower delta: what is not allocated there reads as zeros
     * @throws ImageException of kind UNSUPPORTED when the two do not fit together
     */
    private DeltaMerge(Upper source, Delta upper, Delta lower, boolean lowerIsBase, ChainProgress progress)
            throws ImageException {
        this.upper = source;
        this.lower = lower;
        this.lowerIsBase = lowerIsBase;
        this.progress = progress;
        DeltaGeometry geometry = upper.geometry();
        this.clusterBytes = geometry.clusterSizeBytes();
        this.diskBytes = geometry.diskSizeBytes();
        this.copy = AlignedBuffer.allocate(Math.min(COPY_BYTES, clusterBytes));
        if (lower.geometry().clusterSizeBytes() != clusterBytes) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    lower.name() + ": has clusters of " + lower.geometry().clusterSizeBytes() + " bytes, "
                            + upper.name() + " of " + clusterBytes
                            + "; levels of different cluster sizes cannot be merged");
        }
        if (lower.geometry().diskSizeBytes() != diskBytes) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    lower.name() + ": has a disk of " + lower.geometry().diskSizeBytes() + " bytes, " + upper.name()
                            + " of " + diskBytes + "; grow the lower one first");
        }
    }

    /**
     * Copies everything; durable on return. The lower delta's in-use mark is the caller's.
     *
     * @throws ChainCancelledException when the progress says so; what was copied is hidden by the upper delta
     */
    void run() throws IOException {
        long clusters = (diskBytes + clusterBytes - 1) / clusterBytes;
        for (long page = 0; page < pages(); page++) {
            requireWanted();
            upper.readMapPage(page, upperPage);
            if (holdsAnything()) {
                mergePage(page);
            }
            progress.done(Math.min((page + 1) * Delta.PAGE_CLUSTERS, clusters), clusters);
        }
    }

    /** Copies what was written since the last time; durable on return. What is written from now on is for the next time. */
    void again(RecentWrites writes) throws IOException {
        RecentWrites recent = writes.take();
        long pageBytes = (long) Delta.PAGE_CLUSTERS * clusterBytes;
        for (long page = 0; page < pages(); page++) {
            long from = Math.max(0, page * pageBytes - (long) Delta.PAGE_SHIFT_CLUSTERS * clusterBytes);
            long end = Math.min(diskBytes, (page + 1) * pageBytes - (long) Delta.PAGE_SHIFT_CLUSTERS * clusterBytes);
            if (end > from && recent.any(from, end - from)) {
                requireWanted();
                mergeRecent(page, recent);
            }
        }
    }

    private void requireWanted() throws ChainCancelledException {
        if (progress.cancelled()) {
            throw new ChainCancelledException("merging into " + lower.name());
        }
    }

    private long pages() {
        long clusters = (diskBytes + clusterBytes - 1) / clusterBytes;
        return (clusters + Delta.PAGE_SHIFT_CLUSTERS + Delta.PAGE_CLUSTERS - 1) / Delta.PAGE_CLUSTERS;
    }

    private boolean holdsAnything() {
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            if (upperPage.getInt(slot * 4) != Delta.NOT_ALLOCATED) {
                return true;
            }
        }
        return false;
    }

    private void mergePage(long page) throws IOException {
        lower.readMapPage(page, lowerPage, 0);
        boolean mapChanged = false;
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            if (upperPage.getInt(slot * 4) != Delta.NOT_ALLOCATED) {
                mapChanged |= mergeCluster(page, slot, null);
            }
        }
        makeDurable(page, mapChanged);
    }

    private void mergeRecent(long page, RecentWrites recent) throws IOException {
        upper.readMapPage(page, upperPage);
        lower.readMapPage(page, lowerPage, 0);
        boolean mapChanged = false;
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            // What is not in the upper one was not changed: zeros written where nothing is leave no trace.
            if (upperPage.getInt(slot * 4) != Delta.NOT_ALLOCATED
                    && recent.any(positionOf(page, slot), lengthOf(page, slot))) {
                mapChanged |= mergeCluster(page, slot, recent);
            }
        }
        makeDurable(page, mapChanged);
    }

    private void makeDurable(long page, boolean mapChanged) throws IOException {
        lower.flush();
        if (mapChanged) {
            lower.writeMapPage(page, lowerPage, 0);
            lower.flush();
        }
    }

    /** True when the lower delta has the cluster, or has it at its place, only now. */
    private boolean mergeCluster(long page, int slot, @Nullable RecentWrites recent) throws IOException {
        int from = upperPage.getInt(slot * 4);
        int to = lowerPage.getInt(slot * 4);
        if (to != Delta.NOT_ALLOCATED && lower.inPlace(to)) {
            copyCluster(page, slot, from, to, true, recent);
            return false;
        }
        if (to == Delta.NOT_ALLOCATED && lowerIsBase && isZero(page, slot, from)) {
            return false;
        }
        // What cannot be changed where it lies (compressed, shared with a snapshot) gets a cluster of its own.
        int fresh = lower.reserve();
        copyCluster(page, slot, from, fresh, false, null);
        lowerPage.putInt(slot * 4, fresh);
        return true;
    }

    private boolean isZero(long page, int slot, int from) throws IOException {
        int length = lengthOf(page, slot);
        for (int at = 0; at < length; at += copy.capacity()) {
            int piece = Math.min(copy.capacity(), length - at);
            upper.read(from, at, copy, piece);
            if (!copy.isZero(0, piece)) {
                return false;
            }
        }
        return true;
    }

    private void copyCluster(
            long page, int slot, int from, int to, boolean hasOldContent, @Nullable RecentWrites recent)
            throws IOException {
        int length = lengthOf(page, slot);
        int step = recent == null ? copy.capacity() : Math.min(copy.capacity(), recent.granuleBytes());
        for (int at = 0; at < length; at += step) {
            int piece = Math.min(step, length - at);
            if (recent != null && !recent.any(positionOf(page, slot) + at, piece)) {
                continue;
            }
            upper.read(from, at, copy, piece);
            if (!copy.isZero(0, piece)) {
                lower.overwrite(to, at, copy, 0, piece);
            } else if (hasOldContent) {
                lower.punch(to, at, piece);
            }
        }
    }

    private long positionOf(long page, int slot) {
        return (page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS + slot) * clusterBytes;
    }

    /** The last cluster of a raw disk may be cut off by the disk's end. */
    private int lengthOf(long page, int slot) {
        return (int) Math.min(clusterBytes, diskBytes - positionOf(page, slot));
    }

    /**
     * Copies while the device's top is written to, then what was written meanwhile while the writers wait, and makes the
     * shorter chain the one that counts in the same moment.
     *
     * @param name what messages call the image
     * @param commit comes when everything is copied and nobody writes
     */
    void underWriters(PloopDevice device, String name, Exchange commit) throws IOException {
        RecentWrites recent = device.watchWrites();
        try {
            run();
            for (int round = 0; round < MAX_ROUNDS && recent.waitingBytes() > SHORT_STEP_BYTES; round++) {
                again(recent);
            }
            device.exchange(AttachedChain.DRAIN_LIMIT_NANOS, () -> {
                if (recent.waitingBytes() > LONGEST_STEP_BYTES) {
                    throw new ImageException(
                            ImageException.Kind.IN_USE,
                            name + ": is written to faster than it can be merged; try again when there is less to do");
                }
                again(recent);
                return commit.commit();
            });
        } finally {
            device.stopWatching();
        }
    }
}
