package org.tidemark.ploop.device;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Lets writers in, or holds them back and waits until the last one is out: the barrier behind an instant. One gate per
 * device; entering and leaving costs one atomic operation and allocates nothing.
 */
final class AdmissionGate {
    private static final long SHUT = 1L << 62;

    /** Number of writers inside, plus {@link #SHUT} while the gate is shut. */
    private final AtomicLong state = new AtomicLong();

    private final Object monitor = new Object();

    /** Guarded by the monitor: somebody shuts the gate, or has shut it. */
    private boolean taken;

    /** Enters; waits while the gate is shut. */
    void enter() {
        while (true) {
            long seen = state.get();
            if (seen < SHUT) {
                if (state.compareAndSet(seen, seen + 1)) {
                    return;
                }
            } else {
                waitUntilOpen();
            }
        }
    }

    void leave() {
        if (state.decrementAndGet() == SHUT) {
            synchronized (monitor) {
                monitor.notifyAll();
            }
        }
    }

    /**
     * Shuts the gate and waits until everybody is out. Returns false, with the gate open again, when that took longer than
     * {@code timeoutNanos}. While one thread has it shut, the next one that wants it shut waits.
     */
    boolean shut(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        synchronized (monitor) {
            while (taken) {
                if (!sleepUntil(deadline)) {
                    return false;
                }
            }
            taken = true;
            state.addAndGet(SHUT);
            while (state.get() != SHUT) {
                if (!sleepUntil(deadline)) {
                    reopen();
                    return false;
                }
            }
        }
        return true;
    }

    void reopen() {
        synchronized (monitor) {
            taken = false;
            state.addAndGet(-SHUT);
            monitor.notifyAll();
        }
    }

    boolean isShut() {
        return state.get() >= SHUT;
    }

    private void waitUntilOpen() {
        boolean interrupted = false;
        synchronized (monitor) {
            while (state.get() >= SHUT) {
                try {
                    monitor.wait(1000);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Sleeps on the monitor, which the caller holds; false when it is too late or the thread was interrupted. */
    private boolean sleepUntil(long deadlineNanos) {
        long left = deadlineNanos - System.nanoTime();
        if (left <= 0) {
            return false;
        }
        try {
            TimeUnit.NANOSECONDS.timedWait(monitor, Math.max(left, 1_000_000L));
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
