package org.tidemark.ploop.device.front;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * Lets the readers of a device's views give way to its container.
 *
 * <p>The container is <i>active</i> while a request of its own is being carried out, and {@link #ACTIVE_NANOS} longer; it is
 * <i>stalled</i> when requests are being carried out and none has ended for as long. While it is active one read of a view
 * is carried out at a time, and the next one begins after as long as that one took; and not while it is stalled, for {@link
 * #LONGEST_STALL_NANOS} at most. So backups always go on: on a disk that needs t for a read, with a read each 2 t, or each t + 100 ms on
 * one that stands still.
 *
 * <p>Requests are counted only while a view is open; a container without a backup pays one look at a field.
 */
public final class BackupTurns {
    static final long ACTIVE_NANOS = 10_000_000;
    static final long LONGEST_STALL_NANOS = 100_000_000;

    private static final long LOOK_NANOS = 200_000;
    private static final long NO_TURN = Long.MIN_VALUE;

    private final AtomicInteger underWay = new AtomicInteger();
    private final ReentrantLock turn = new ReentrantLock();
    private final LongSupplier nanos;
    private final LongConsumer pause;
    private volatile int views;
    private volatile long lastEnd;
    /** When the next read may begin; guarded by {@link #turn}. */
    private long nextTurn;

    BackupTurns() {
        this(System::nanoTime, LockSupport::parkNanos);
    }

    /** By another clock, whose time passes while {@code pause} is called with so many nanoseconds. */
    BackupTurns(LongSupplier nanos, LongConsumer pause) {
        this.nanos = nanos;
        this.pause = pause;
        this.nextTurn = nanos.getAsLong();
        this.lastEnd = nextTurn - ACTIVE_NANOS;
    }

    synchronized void viewOpened() {
        views++;
    }

    synchronized void viewClosed() {
        views--;
    }

    /** A request of the container begins; {@link #end} gets what this returns. */
    boolean begin() {
        if (views == 0) {
            return false;
        }
        underWay.incrementAndGet();
        return true;
    }

    void end(boolean counted) {
        if (counted) {
            lastEnd = nanos.getAsLong();
            underWay.decrementAndGet();
        }
    }

    private boolean active() {
        return underWay.get() > 0 || nanos.getAsLong() - lastEnd < ACTIVE_NANOS;
    }

    private boolean stalled() {
        return underWay.get() > 0 && nanos.getAsLong() - lastEnd >= ACTIVE_NANOS;
    }

    /** Waits until a read of a view may begin; {@link #leave} gets what this returns. */
    long enter() {
        if (!active()) {
            return NO_TURN;
        }
        turn.lock();
        awaitTurn();
        return nanos.getAsLong();
    }

    void leave(long begun) {
        if (begun != NO_TURN) {
            long now = nanos.getAsLong();
            nextTurn = now + (now - begun);
            turn.unlock();
        }
    }

    private void awaitTurn() {
        long left = nextTurn - nanos.getAsLong();
        while (left > 0 && active()) {
            pause.accept(Math.min(left, LOOK_NANOS));
            left = nextTurn - nanos.getAsLong();
        }
        long begin = nanos.getAsLong();
        while (stalled() && nanos.getAsLong() - begin < LONGEST_STALL_NANOS) {
            pause.accept(LOOK_NANOS);
        }
    }
}
