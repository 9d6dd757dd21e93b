package org.tidemark.ploop.device.front;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A device's place at its disk. While another device syncs, or did in the last {@link #LATELY_NANOS}, this one has no more than
 * {@value #LARGE_TOGETHER} reads and as many writes of {@value #LARGE_BYTES} bytes or more at the disk at a time: a sync waits for what
 * lies in the disk's queue before it, and a few requests keep a disk almost as busy as many. Small requests are never held here;
 * behind a storm of their own device they wait for a thread, as they always do.
 *
 * <p>Safe for several threads. Whoever waits here waits for other requests of its own device, never for another device.
 */
public final class DiskSeat implements AutoCloseable {
    static final int LARGE_BYTES = 64 * 1024;
    static final int LARGE_TOGETHER = 2;
    static final long LATELY_NANOS = 100_000_000;

    private static final long LOOK_MILLIS = 20;

    private final SharedDisk disk;
    private final Semaphore largeReads = new Semaphore(LARGE_TOGETHER);
    private final Semaphore largeWrites = new Semaphore(LARGE_TOGETHER);
    private final AtomicInteger syncing = new AtomicInteger();
    private volatile long lastSync = System.nanoTime() - LATELY_NANOS;

    DiskSeat(SharedDisk disk) {
        this.disk = disk;
    }

    /** At a disk that nobody else uses. */
    public static DiskSeat alone() {
        return new SharedDisk().join();
    }

    /** Waits until a read of so many bytes may go to the disk; {@link #endRead} gets what this returns. */
    boolean beginRead(int bytes) {
        return begin(bytes, largeReads);
    }

    void endRead(boolean held) {
        if (held) {
            largeReads.release();
        }
    }

    /** The same for a write, which may have to wait at the device's gate, too: reads do not wait for that. */
    boolean beginWrite(int bytes) {
        return begin(bytes, largeWrites);
    }

    void endWrite(boolean held) {
        if (held) {
            largeWrites.release();
        }
    }

    private boolean begin(int bytes, Semaphore large) {
        if (bytes < LARGE_BYTES) {
            return false;
        }
        try {
            while (disk.othersSync(this, System.nanoTime())) {
                if (large.tryAcquire(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                    return true;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    void beginSync() {
        syncing.incrementAndGet();
    }

    /** One that failed is no reason to hold anybody: it may be tried for as long as a disk is full. */
    void endSync(boolean done) {
        if (done) {
            lastSync = System.nanoTime();
        }
        syncing.decrementAndGet();
    }

    boolean syncs(long nowNanos) {
        return syncing.get() > 0 || nowNanos - lastSync < LATELY_NANOS;
    }

    /** The device lies there no more. */
    @Override
    public void close() {
        disk.leave(this);
    }
}
