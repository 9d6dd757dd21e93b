package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.front.SpaceQueue;
import org.tidemark.ploop.os.Errno;

/**
 * Requests of one device that wait for space, each in the slot that it came in: its thread serves on with another one. While
 * there are any, one thread tries them again, a few in each turn until one succeeds, so that a full disk is not besieged.
 *
 * <p>They are RECEIVED and not answered, which is all that a successor needs to know of them. Their number is bounded by
 * what the kernel hands out, their memory for the process; what finds no room here waits with its thread.
 */
final class ParkedRequests {
    /** No more than the kernel has requests in the background; a loop device has 128 in all. */
    static final int MOST = FuseWire.MAX_BACKGROUND;

    /** For all devices of this process: 135 MiB of locked memory, and 2 MiB for each device beyond that. */
    private static final int MOST_IN_PROCESS = 512;

    /** What a device may have whatever the others have. */
    static final int OWN = 8;

    private static final Logger LOG = System.getLogger(ParkedRequests.class.getName());
    private static final AtomicInteger IN_PROCESS = new AtomicInteger();
    private static final int FAILURES_IN_A_TURN = 4;
    private static final long TURN_NANOS = 100_000_000;

    private final String name;
    private final ImageFile file;
    private final FuseKernel kernel;
    private final SpaceQueue space;
    private final SlotPool pool;
    private final Runnable wake;

    /** Guarded by this, as all below. */
    private final Deque<RequestSlot> slots = new ArrayDeque<>();

    /** Those in {@link #slots}, and the one that is being tried. */
    private int count;

    /** There is the thread that tries again. */
    private boolean running;

    private volatile boolean ended;

    ParkedRequests(String name, ImageFile file, FuseKernel kernel, SpaceQueue space, SlotPool pool, Runnable wake) {
        this.name = name;
        this.file = file;
        this.kernel = kernel;
        this.space = space;
        this.pool = pool;
        this.wake = wake;
    }

    /**
     * Puts a request aside that found no space.
     *
     * @return the slot to go on with; null when there is no room, and the request is still the caller's
     */
    @Nullable
    RequestSlot park(RequestSlot slot) {
        if (!enter()) {
            return null;
        }
        RequestSlot next = null;
        boolean parked = false;
        try {
            next = pool.takeWhereThereIsRoom();
            if (next != null) {
                queue(slot);
                parked = true;
            }
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(Level.WARNING, name + ": no further place for a request that waits for space", e);
        }
        if (parked) {
            return next;
        }
        if (next != null) {
            pool.giveBack(next);
        }
        left();
        return null;
    }

    /** A few places are the device's own, the others are for whoever comes first. */
    private synchronized boolean enter() {
        if (ended || count >= MOST) {
            return false;
        }
        if (IN_PROCESS.incrementAndGet() > MOST_IN_PROCESS && count >= OWN) {
            IN_PROCESS.decrementAndGet();
            return false;
        }
        count++;
        return true;
    }

    /** Puts requests aside that a predecessor left, however many. */
    void adopt(List<RequestSlot> left) {
        synchronized (this) {
            count += left.size();
            slots.addAll(left);
        }
        IN_PROCESS.addAndGet(left.size());
        wake.run();
    }

    /** Whoever parks serves, and starts no thread; see {@link ThreadStarter}. */
    private void queue(RequestSlot slot) {
        boolean alone;
        synchronized (this) {
            slots.add(slot);
            alone = !running;
        }
        if (ended) {
            end();
        } else if (alone) {
            wake.run();
        }
    }

    /**
     * Starts the thread that tries again, if there is something to try and it does not run.
     *
     * @return false when it could not be started; to be tried again soon
     */
    synchronized boolean startIfNeeded(Consumer<Runnable> starter) {
        if (running || slots.isEmpty()) {
            return true;
        }
        try {
            running = true;
            starter.accept(this::tryAgain);
            return true;
        } catch (RuntimeException | Error e) {
            running = false;
            LOG.log(Level.WARNING, name + ": no thread yet for requests that wait for space", e);
            return false;
        }
    }

    private synchronized void left() {
        count--;
        IN_PROCESS.decrementAndGet();
    }

    /** The connection is gone, and everybody has had an error. */
    void end() {
        ended = true;
        while (true) {
            RequestSlot slot;
            synchronized (this) {
                slot = running ? null : slots.poll();
            }
            if (slot == null) {
                return;
            }
            answer(slot);
        }
    }

    /** Ends when nobody waits. */
    private void tryAgain() {
        while (true) {
            try {
                turn();
            } catch (RuntimeException | Error e) {
                LOG.log(Level.ERROR, name + ": requests that wait for space are tried again after", e);
            }
            synchronized (this) {
                if (slots.isEmpty()) {
                    running = false;
                    break;
                }
            }
            LockSupport.parkNanos(this, TURN_NANOS);
        }
        try {
            pool.dropFree();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.WARNING, name + ": giving memory of requests back", e);
        }
    }

    private void turn() {
        int failuresLeft;
        synchronized (this) {
            failuresLeft = Math.min(FAILURES_IN_A_TURN, slots.size());
        }
        while (failuresLeft > 0) {
            RequestSlot slot;
            synchronized (this) {
                slot = slots.poll();
            }
            if (slot == null) {
                return;
            }
            if (!ended && file.executeAgain(slot) == ImageFile.Outcome.NO_SPACE) {
                failuresLeft--;
                synchronized (this) {
                    slots.add(slot);
                }
            } else {
                answer(slot);
            }
        }
    }

    private void answer(RequestSlot slot) {
        // Before the answer: whoever has it must not find that somebody waits.
        space.end();
        if (!ended) {
            int sent = slot.send(kernel);
            if (sent < 0 && sent != -Errno.ENOENT) {
                LOG.log(Level.DEBUG, name + ": the kernel refused a late reply: " + Errno.describe(-sent));
            }
        }
        pool.giveBack(slot);
        left();
    }
}
