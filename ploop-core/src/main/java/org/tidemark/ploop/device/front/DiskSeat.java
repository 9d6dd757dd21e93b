package org.tidemark.ploop.device.front;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A device's place at its disk. While another device syncs, or did in the last {@link #LATELY_NANOS}, this one has no more than
 * {@value #LARGE_TOGETHER} requests of {@value #LARGE_BYTES} bytes or more at the disk at a time: a sync waits for what lies in the
 * disk's queue before it, and a few requests keep a disk almost as busy as many. Small requests are never held.
 *
 * <p>Safe for several threads. Whoever waits here waits for other requests of its own device, never for another device.
 */
public final class DiskSeat implements AutoCloseable {
    static final int LARGE_BYTES = 64 * 1024;
    static final int LARGE_TOGETHER = 2;
    static final long LATELY_NANOS = 100_000_000;

    private static final long LOOK_MILLIS = 20;

    private final SharedDisk disk;
    private final Semaphore large = new Semaphore(LARGE_TOGETHER);
    private final AtomicInteger syncing = new AtomicInteger();
    private volatile long lastSync = System.nanoTime() - LATELY_NANOS;

    DiskSeat(SharedDisk disk) {
        this.disk = disk;
    }

    /** At a disk that nobody else uses. */
    public static DiskSeat alone() {
        return new SharedDisk().join();
    }

    /** Waits until a read or write of so many bytes may go to the disk; {@link #end} gets what this returns. */
    boolean begin(int bytes) {
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

    void end(boolean held) {
        if (held) {
            large.release();
        }
    }

    void beginSync() {
        syncing.incrementAndGet();
    }

    void endSync() {
        lastSync = System.nanoTime();
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
