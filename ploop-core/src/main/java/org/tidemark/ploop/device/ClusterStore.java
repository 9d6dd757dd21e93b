package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * The clusters of a chain: reads them wherever they lie, writes them into the top delta, brings the map into the file. Knows
 * the order in which that is safe and nothing of gates, trackers and views; those are {@link PloopDevice}'s.
 *
 * <p>Reading and changing may be done by many threads, flushing by one at a time.
 */
final class ClusterStore {
    private static final int FLUSH_BATCH_PAGES = 64;
    private static final long LEAVE_NANOS = 5_000_000_000L;
    private static final long LEAVE_LOOK_NANOS = 1_000_000;

    private final List<Delta> deltas;
    private final Delta top;
    private final int topLevel;
    private final int clusterBytes;
    private final ClusterMap map;
    private final Room room;
    private final ClusterLockout lockout = new ClusterLockout();
    private final PageBatch batch = new PageBatch(FLUSH_BATCH_PAGES);
    private final CopyUp copyUp;
    private final Visits visits = new Visits();
    private final ReleasedClusters released;
    private volatile boolean closing;

    /** Asked when every slot of the map holds a changed page. */
    @FunctionalInterface
    interface Room {
        /** Flushes the device; false when that is not possible any more, and only reading goes on. */
        boolean make() throws IOException;
    }

    ClusterStore(List<Delta> deltas, ClusterMap map, Room room) {
        this.deltas = deltas;
        this.topLevel = deltas.size() - 1;
        this.top = deltas.get(topLevel);
        this.clusterBytes = top.geometry().clusterSizeBytes();
        this.map = map;
        this.room = room;
        this.released = new ReleasedClusters(top, visits);
        this.copyUp = new CopyUp(top, clusterBytes);
    }

    /** Reads what is on the disk now. */
    void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        int visit = visits.enter();
        try {
            requireOpen();
            readClusters(offsetBytes, dst, dstOffset, lengthBytes);
        } finally {
            visits.leave(visit);
        }
    }

    /**
     * Makes the file of the top smaller, as the last thing before it is closed: everything was flushed and nobody changes
     * anything. Readers are sent away first, for their map is not true afterwards; when some do not leave in time nothing
     * is moved.
     *
     * @return whether anything was moved
     */
    boolean shrink(long maxMoveBytes) throws IOException {
        closing = true;
        int before = visits.next();
        long end = System.nanoTime() + LEAVE_NANOS;
        while (!visits.haveLeft(before) || !visits.haveLeft(before + 1)) {
            if (System.nanoTime() - end > 0) {
                return false;
            }
            LockSupport.parkNanos(LEAVE_LOOK_NANOS);
        }
        released.settle();
        // When it fails nobody knows which map is true, and nothing is read any more.
        boolean moved = top.shrink(maxMoveBytes);
        closing = moved;
        return moved;
    }

    private void requireOpen() throws ImageException {
        if (closing) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST, top.name() + ": the device is being closed, nothing is read");
        }
    }

    private void readClusters(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        int done = 0;
        while (done < lengthBytes) {
            long at = offsetBytes + done;
            long cluster = at / clusterBytes;
            int inCluster = (int) (at % clusterBytes);
            int length = Math.min(clusterBytes - inCluster, lengthBytes - done);
            long entry = lookup(cluster);
            if (entry == ClusterMap.NOWHERE) {
                dst.zero(dstOffset + done, length);
            } else {
                deltas.get(ClusterMap.level(entry))
                        .read(ClusterMap.physical(entry), inCluster, dst, dstOffset + done, length);
            }
            done += length;
        }
    }

    /** Writes; the map is told last. */
    void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        int done = 0;
        while (done < lengthBytes) {
            long at = offsetBytes + done;
            int inCluster = (int) (at % clusterBytes);
            int length = Math.min(clusterBytes - inCluster, lengthBytes - done);
            int visit = visits.enter();
            try {
                writeInCluster(at / clusterBytes, inCluster, src, srcOffset + done, length);
            } finally {
                visits.leave(visit);
            }
            done += length;
        }
    }

    private void writeInCluster(long cluster, int inCluster, AlignedBuffer src, int srcOffset, int length)
            throws IOException {
        long entry = lookupForChange(cluster);
        if (!inPlace(entry)) {
            if (entry == ClusterMap.NOWHERE && src.isZero(srcOffset, length)) {
                return;
            }
            lockout.lock(cluster);
            try {
                entry = lookupForChange(cluster);
                if (!inPlace(entry)) {
                    allocate(cluster, entry, inCluster, length, src, srcOffset);
                    return;
                }
            } finally {
                lockout.unlock(cluster);
            }
        }
        top.overwrite(ClusterMap.physical(entry), inCluster, src, srcOffset, length);
    }

    /**
     * Puts a fresh cluster of the top delta in the place of {@code entry}: its part {@code [from, from + length)} is what
     * {@code src} holds, or zero without a source; the rest is what the disk held. The cluster is locked out.
     */
    private void allocate(long cluster, long entry, int from, int length, @Nullable AlignedBuffer src, int srcOffset)
            throws IOException {
        int fresh = top.reserveFor(cluster);
        boolean published = false;
        try {
            if (entry != ClusterMap.NOWHERE) {
                Delta lower = deltas.get(ClusterMap.level(entry));
                copyUp.copy(lower, ClusterMap.physical(entry), fresh, 0, from);
                copyUp.copy(lower, ClusterMap.physical(entry), fresh, from + length, clusterBytes);
            }
            if (src != null) {
                top.overwrite(fresh, from, src, srcOffset, length);
            } else if (inTop(entry)) {
                // Where a cluster has only one place, what lay there may still do so.
                top.punch(fresh, from, length);
            }
            publish(cluster, fresh);
            published = true;
        } finally {
            if (!published) {
                top.unreserve(fresh);
            }
        }
    }

    /** Makes {@code [from, end)} read as zeros, to the byte. */
    void discard(long from, long end) throws IOException {
        for (long at = from; at < end; ) {
            int inCluster = (int) (at % clusterBytes);
            int length = (int) Math.min(clusterBytes - inCluster, end - at);
            makeRoomForReleases();
            int visit = visits.enter();
            try {
                discardInCluster(at / clusterBytes, inCluster, length);
            } finally {
                visits.leave(visit);
            }
            at += length;
        }
    }

    /** Outside of any visit: a flush gives nothing back while the caller itself is one of those it waits for. */
    private void makeRoomForReleases() throws IOException {
        if (topLevel == 0 && !released.hasRoom()) {
            room.make();
        }
    }

    private void discardInCluster(long cluster, int inCluster, int length) throws IOException {
        long entry = lookupForChange(cluster);
        if (entry == ClusterMap.NOWHERE) {
            return;
        }
        if (isWhole(cluster, inCluster, length) && release(cluster)) {
            return;
        }
        if (!inPlace(entry)) {
            lockout.lock(cluster);
            try {
                entry = lookupForChange(cluster);
                if (!inPlace(entry)) {
                    discardCopied(cluster, entry, inCluster, length);
                    return;
                }
            } finally {
                lockout.unlock(cluster);
            }
        }
        top.punch(ClusterMap.physical(entry), inCluster, length);
    }

    /** The same for a cluster that cannot be punched where it lies. It is locked out. */
    private void discardCopied(long cluster, long entry, int inCluster, int length) throws IOException {
        int zeros = top.zeroCluster();
        if (!isWhole(cluster, inCluster, length) || zeros == Delta.NOT_ALLOCATED) {
            allocate(cluster, entry, inCluster, length, null, 0);
        } else if (!inTop(entry) || ClusterMap.physical(entry) != zeros) {
            publish(cluster, zeros);
        }
    }

    private boolean isWhole(long cluster, int inCluster, int length) {
        return inCluster == 0
                && (length == clusterBytes
                        || cluster * clusterBytes + length == top.geometry().diskSizeBytes());
    }

    /**
     * Takes a whole cluster out of the map, so that it can be handed out again; false when that is not possible now. Only
     * where nothing below would show through. A write or read under way finds the cluster as it was: it is not touched
     * before they have left.
     */
    private boolean release(long cluster) throws IOException {
        if (topLevel != 0 || !top.releases() || !released.hasRoom()) {
            return false;
        }
        lockout.lock(cluster);
        try {
            long entry = lookupForChange(cluster);
            if (entry != ClusterMap.NOWHERE) {
                withdraw(cluster);
                released.offer(ClusterMap.physical(entry));
            }
            return true;
        } finally {
            lockout.unlock(cluster);
        }
    }

    /**
     * Brings everything written and published before the call into the file; durable on return.
     *
     * <p>Copies of the changed pages are taken first. The sync after that makes the data of every cluster they name
     * durable. Then the copies are written, then synced. Crash before the second sync: the file's table is the old one or
     * parts of the new one, and both are true; clusters that nothing names are leaked. Clusters that the new table does
     * not name any more go back to the delta after it is durable: until then the old table is true for a crash.
     *
     * @throws NoSpaceForMapException when a page did not fit: nothing is lost, the page is kept and tried again; any other
     *     failure leaves the medium's content unknown
     */
    void flush() throws IOException {
        long mark = released.mark();
        flushPages();
        released.durable(mark);
        released.settle();
    }

    private void flushPages() throws IOException {
        try {
            batch.nextSlot(0);
            while (map.takeChangedPages(batch) > 0) {
                top.flush();
                writePages();
                top.flush();
                map.settle(batch);
                if (batch.size() < batch.limit()) {
                    return;
                }
            }
            top.flush();
        } finally {
            // Those that were settled stay clean; a page left as being written could never leave the map again.
            map.putBack(batch);
        }
    }

    private void writePages() throws IOException {
        for (int i = 0; i < batch.size(); i++) {
            try {
                top.writeMapPage(batch.page(i), batch.buffer(), i * Delta.PAGE_BYTES);
            } catch (OsException e) {
                throw Errno.isNoSpace(e.errno()) ? new NoSpaceForMapException(e) : e;
            }
        }
    }

    /** A page did not fit (copy-on-write file systems). Nothing is lost: what it names is durable, and it is kept. */
    static final class NoSpaceForMapException extends IOException {
        private static final long serialVersionUID = 1L;
        private final OsException reason;

        NoSpaceForMapException(OsException cause) {
            super(cause);
            this.reason = cause;
        }

        OsException reason() {
            return reason;
        }
    }

    private long lookup(long cluster) throws IOException {
        while (true) {
            try {
                return map.lookup(cluster);
            } catch (ClusterMap.MapFullException e) {
                if (!room.make()) {
                    return map.lookupPast(cluster);
                }
            }
        }
    }

    /** A map that cannot be read makes one change impossible; that is no reason to write nothing more. */
    private long lookupForChange(long cluster) throws IOException {
        try {
            return lookup(cluster);
        } catch (OsException e) {
            throw new UnreadableException(e);
        }
    }

    /** See {@link PloopDevice#readTopPage}. */
    void readTopPage(long page, AlignedBuffer dst) throws IOException {
        while (true) {
            try {
                map.readTopPage(page, dst);
                return;
            } catch (ClusterMap.MapFullException e) {
                if (!room.make()) {
                    throw e;
                }
            }
        }
    }

    private void publish(long cluster, int physicalCluster) throws IOException {
        while (true) {
            try {
                map.publish(cluster, physicalCluster);
                return;
            } catch (ClusterMap.MapFullException e) {
                if (!room.make()) {
                    throw e;
                }
            }
        }
    }

    private void withdraw(long cluster) throws IOException {
        while (true) {
            try {
                map.withdraw(cluster);
                return;
            } catch (ClusterMap.MapFullException e) {
                if (!room.make()) {
                    throw e;
                }
            }
        }
    }

    private boolean inTop(long entry) {
        return entry != ClusterMap.NOWHERE && ClusterMap.level(entry) == topLevel;
    }

    /** Whether the top holds the cluster, and it may be written where it lies. */
    private boolean inPlace(long entry) {
        return inTop(entry) && top.inPlace(ClusterMap.physical(entry));
    }

    /** Describes a range that lies on the disk. */
    void extents(long offsetBytes, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException {
        ExtentJoiner joiner = new ExtentJoiner(visitor);
        map(offsetBytes, lengthBytes, (at, length, zero, delta, position) -> joiner.extent(at, length, zero));
        joiner.finish();
    }

    /** Receives a part of the disk that lies in one cluster, and where that is. */
    @FunctionalInterface
    interface MapVisitor {
        /**
         * @param delta which has the cluster, or null: no delta has it
         * @param filePositionBytes as {@link Delta#filePosition} tells it, or -1
         */
        void part(long offsetBytes, long lengthBytes, boolean zero, @Nullable Delta delta, long filePositionBytes)
                throws IOException;
    }

    /** As {@link BlockDevice#extents}, with the place of each part; nothing is joined. */
    void map(long offsetBytes, long lengthBytes, MapVisitor visitor) throws IOException {
        long end = offsetBytes + lengthBytes;
        for (long at = offsetBytes; at < end; ) {
            long clusterStart = at - at % clusterBytes;
            long until = Math.min(clusterStart + clusterBytes, end);
            int visit = visits.enter();
            try {
                requireOpen();
                long entry = lookup(at / clusterBytes);
                if (entry == ClusterMap.NOWHERE) {
                    visitor.part(at, until - at, true, null, -1);
                } else {
                    clusterExtents(entry, clusterStart, at, until, visitor);
                }
            } finally {
                visits.leave(visit);
            }
            at = until;
        }
    }

    private void clusterExtents(long entry, long clusterStart, long from, long until, MapVisitor visitor)
            throws IOException {
        long[] reached = {from};
        Delta delta = deltas.get(ClusterMap.level(entry));
        int physical = ClusterMap.physical(entry);
        long place = delta.filePosition(physical);
        delta.dataExtents(physical, (int) (from - clusterStart), (int) (until - from), (offset, length) -> {
            long start = clusterStart + offset;
            if (start > reached[0]) {
                visitor.part(reached[0], start - reached[0], true, delta, -1);
            }
            visitor.part(start, length, false, delta, place < 0 ? -1 : place + offset);
            reached[0] = start + length;
        });
        if (reached[0] < until) {
            visitor.part(reached[0], until - reached[0], true, delta, -1);
        }
    }
}
