package org.tidemark.backup.replication;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.Pauses;

/**
 * What replications may use of a link, in bytes a second: a token bucket that all runs over the link share. Turns are of
 * 64 KiB and come first in, first out, so runs that want the link at once get the same of it. The rate is asked for
 * before each turn and may change meanwhile. Safe for many threads.
 *
 * <p>A rate of 0 means that the link is off: nothing new should begin ({@link #isOff}). What is under way is not cut, it
 * ends at the rate that was there before; so a plan never makes a pack be sent twice.
 */
public final class LinkShare implements LinkPace {
    public static final long UNLIMITED = Long.MAX_VALUE;
    private static final long SECOND = 1_000_000_000L;
    /** How often the rate is looked at while somebody waits. */
    private static final long LOOK_NANOS = SECOND / 10;

    private final LongSupplier bytesPerSecond;
    private final Pauses pauses;
    /** Held by the one whose turn is next, also while it waits for tokens: the others queue up behind it. */
    private final ReentrantLock turn = new ReentrantLock(true);
    /** From when on the link is free, by the clock of pauses. Guarded by turn. */
    private long freeAtNanos;
    /** Guarded by turn. */
    private long lastRate = UNLIMITED;

    /**
     * A share.
     *
     * @param bytesPerSecond the rate as it is now: 0 for off, {@link #UNLIMITED}; cheap, and safe for many threads
     */
    public LinkShare(LongSupplier bytesPerSecond, Pauses pauses) {
        this.bytesPerSecond = bytesPerSecond;
        this.pauses = pauses;
        freeAtNanos = pauses.nanoTime();
    }

    /** Whether nothing new should be sent now. */
    public boolean isOff() {
        return bytesPerSecond.getAsLong() == 0;
    }

    @Override
    public void await(int bytes) throws InterruptedIOException {
        if (bytesPerSecond.getAsLong() == UNLIMITED) {
            return;
        }
        try {
            turn.lockInterruptibly();
            try {
                take(bytes);
            } finally {
                turn.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (InterruptedIOException)
                    new InterruptedIOException("interrupted while waiting for the link").initCause(e);
        }
    }

    /** Waits until as many bytes as are wanted have flowed, counted from when the link was free. */
    private void take(int bytes) throws InterruptedException {
        long now = pauses.nanoTime();
        // Time in which nobody sent is lost: after a pause the link does not carry more than it may.
        long at = Math.max(freeAtNanos, now - LOOK_NANOS);
        double rest = bytes;
        while (true) {
            long rate = rate();
            if (rate == UNLIMITED) {
                freeAtNanos = now;
                return;
            }
            double needed = rest * SECOND / rate;
            if (at + needed <= now) {
                freeAtNanos = at + (long) needed;
                return;
            }
            if (now > at) {
                rest -= (double) (now - at) * rate / SECOND;
                at = now;
            }
            long pause = (long) Math.ceil(Math.min(at + rest * SECOND / rate - now, LOOK_NANOS));
            pauses.sleep(Duration.ofNanos(Math.max(pause, 1_000_000)));
            now = pauses.nanoTime();
        }
    }

    private long rate() {
        long rate = bytesPerSecond.getAsLong();
        if (rate > 0) {
            lastRate = rate;
        }
        return lastRate;
    }

    /** How many wait for their turn, but for the one whose turn it is. */
    int waiting() {
        return turn.getQueueLength();
    }
}
