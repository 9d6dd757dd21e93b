package org.tidemark.ploop.device.front;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** The requests of one device that wait for space on the disk below. */
final class SpaceWait implements SpaceQueue {
    private static final System.Logger LOG = System.getLogger(SpaceWait.class.getName());
    private static final long TRY_AGAIN_NANOS = 100_000_000;
    /** A disk at its brim is full and not full many times a second. */
    private static final long QUIET_MILLIS = 10_000;

    private final String name;
    private final AtomicInteger waiting = new AtomicInteger();
    private volatile FullDisk policy;
    private volatile boolean calledOff;
    private volatile long sinceMillis;
    private volatile long lastSaidMillis;

    SpaceWait(String name, FullDisk policy) {
        this.name = name;
        this.policy = policy;
    }

    FullDisk policy() {
        return policy;
    }

    /** Those who wait find out at their next try. */
    void change(FullDisk next) {
        policy = next;
    }

    /** Nobody waits any more, now or later. */
    void callOff() {
        calledOff = true;
    }

    @Override
    public boolean concerns(OsException failure) {
        return Errno.isNoSpace(failure.errno()) && policy == FullDisk.WAIT && !calledOff;
    }

    int waiting() {
        return waiting.get();
    }

    /** Since when somebody waits, in milliseconds of the wall clock. */
    long sinceMillis() {
        return sinceMillis;
    }

    @Override
    public void begin(OsException failure) {
        if (waiting.getAndIncrement() == 0) {
            long now = System.currentTimeMillis();
            sinceMillis = now;
            if (now - lastSaidMillis > QUIET_MILLIS) {
                lastSaidMillis = now;
                LOG.log(
                        System.Logger.Level.ERROR,
                        name + ": its disk is full, writes wait until there is space (" + failure.getMessage()
                                + "); free some, or let them fail with 'tidemark devices set --on-full error'");
            }
        }
    }

    void pause() {
        LockSupport.parkNanos(this, TRY_AGAIN_NANOS);
    }

    @Override
    public void end() {
        if (waiting.decrementAndGet() == 0) {
            long seconds = (System.currentTimeMillis() - sinceMillis) / 1000;
            LOG.log(System.Logger.Level.INFO, name + ": no write waits for space any more, after " + seconds + " s");
        }
    }
}
