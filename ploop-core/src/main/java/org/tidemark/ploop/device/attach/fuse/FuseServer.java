package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.front.DeviceFront;
import org.tidemark.ploop.os.Errno;

/**
 * The threads that serve one device. They belong to this device alone, so that one slow image holds up nobody else. All
 * read from one shared descriptor; each has a slot of its own. They end when the kernel says that the mount is gone.
 *
 * <p>Where the image answers at once (memory, page cache) few threads are fastest; where it has to be waited for, the
 * number of threads is the depth that the disk sees. So there are few at first; another is added when most requests that
 * find nobody else waiting are slow, up to {@link #MOST_THREADS}. A thread that comes back and finds enough others waiting
 * rests, which keeps those that serve warm. Memory of slots beyond the first ones is bounded for the process.
 */
final class FuseServer {
    static final int MOST_THREADS = 16;

    private static final Logger LOG = System.getLogger(FuseServer.class.getName());
    private static final String SLOT_COUNT = "fuse-slots";
    private static final int SLOT_COUNT_BYTES = 4096;
    private static final int STACK_BYTES = 512 * 1024;

    /** Slots beyond the first ones, of all devices of this process: 264 KiB of locked memory each. */
    private static final Semaphore EXTRA_SLOTS = new Semaphore(128);

    /** A request is slow when it takes longer than memory would: so much, and so much for each 4 KiB. */
    private static final long SLOW_NANOS = 40_000;

    private static final long SLOW_PAGE_NANOS = 4_000;
    private static final int PRESSURE_TO_ADD = 8;

    private final BlockDevice device;
    private final FuseKernel kernel;
    private final StateArea area;
    private final ImageFile file;
    private final int fewThreads;
    private final List<RequestSlot> slots = new ArrayList<>();
    private final List<Thread> threads = new CopyOnWriteArrayList<>();

    /** Threads that wait for a request. */
    private final AtomicInteger waiting = new AtomicInteger();

    /** Slow requests less quick ones, of those that left nobody waiting. */
    private final AtomicInteger pressure = new AtomicInteger();

    private final Object restMonitor = new Object();
    /** How many threads rest, and how many of them shall go on. Guarded by {@link #restMonitor}. */
    private int resting;

    private int called;
    private volatile boolean settled;
    private volatile boolean ended;
    /** Guarded by this. */
    private int extraSlots;

    private FuseServer(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int fewThreads) {
        this.device = device;
        this.area = area;
        this.kernel = kernel;
        this.fewThreads = fewThreads;
        this.file = new ImageFile(device, window);
        if (device instanceof DeviceFront front) {
            // A thread that waits for space serves nobody; reads must go on.
            front.whenPausing(this::callOne);
        }
    }

    /** Serves a new connection by {@code threadCount} threads, or more when that helps. */
    static FuseServer start(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int threadCount)
            throws IOException {
        FuseServer server = new FuseServer(device, window, area, kernel, threadCount);
        server.openSlots(threadCount);
        server.slots.forEach(RequestSlot::clear);
        server.startThreads();
        return server;
    }

    /**
     * Settles what a predecessor left in {@code area}, then serves by as many threads as it had. Returns before that: a
     * request that was left may have to wait for space or for its disk, and whoever takes devices over must not.
     */
    static FuseServer resume(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int threadCount)
            throws IOException {
        FuseServer server = new FuseServer(device, window, area, kernel, threadCount);
        int count = Math.max(1, area.region(SLOT_COUNT, SLOT_COUNT_BYTES).getInt(0));
        server.openSlots(count);
        int extra = count - threadCount;
        server.extraSlots = extra > 0 && EXTRA_SLOTS.tryAcquire(extra) ? extra : 0;
        server.startThread("settle", server::settleThenServe);
        return server;
    }

    private void openSlots(int count) throws IOException {
        for (int i = slots.size(); i < count; i++) {
            slots.add(RequestSlot.in(area, i));
        }
        // Only now does a successor look for them.
        area.region(SLOT_COUNT, SLOT_COUNT_BYTES).putInt(0, count);
    }

    /** The first of them may want another one before the last has started: it waits for its turn. */
    private synchronized void startThreads() {
        settled = true;
        slots.forEach(this::startThread);
    }

    private void settleThenServe() {
        SlotRecovery.Outcome outcome = SlotRecovery.settle(slots, file, kernel);
        LOG.log(
                Level.INFO,
                () -> device.name() + ": taken over; requests executed " + outcome.executed() + ", answered again "
                        + outcome.answered());
        startThreads();
    }

    /** Whether nothing that a predecessor left has still to be executed or answered. */
    boolean settled() {
        return settled;
    }

    private void startThread(RequestSlot slot) {
        startThread(String.valueOf(threads.size()), () -> serve(slot));
    }

    private void startThread(String which, Runnable body) {
        Thread thread = new Thread(null, body, "fuse-" + device.name() + "-" + which, STACK_BYTES);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private void serve(RequestSlot slot) {
        while (true) {
            try {
                if (waiting.get() >= fewThreads) {
                    rest();
                }
                if (!serveOne(slot)) {
                    end();
                    return;
                }
            } catch (Throwable e) {
                LOG.log(Level.ERROR, device.name() + ": serving thread goes on after", e);
            }
        }
    }

    /** One turn of the loop. False when the connection has ended. */
    private boolean serveOne(RequestSlot slot) {
        slot.clear();
        waiting.incrementAndGet();
        int received;
        int others;
        try {
            received = kernel.receive(slot.receiveAddress(), RequestSlot.RECEIVE_BYTES);
        } finally {
            others = waiting.decrementAndGet();
        }
        if (received < 0) {
            return goesOn(received);
        }
        long begun = others == 0 ? System.nanoTime() : 0;
        if (file.execute(slot)) {
            int sent = slot.send(kernel);
            if (sent < 0 && sent != -Errno.ENOENT) {
                LOG.log(Level.WARNING, device.name() + ": the kernel refused a reply: " + Errno.describe(-sent));
                return sent != -Errno.ENODEV;
            }
        }
        if (others == 0) {
            notePressure(slot, System.nanoTime() - begun);
        }
        return true;
    }

    /** All threads were busy while this request was served. */
    private void notePressure(RequestSlot slot, long nanos) {
        boolean data = slot.opcode() == FuseWire.READ || slot.opcode() == FuseWire.WRITE;
        int bytes = data ? slot.argumentInt(FuseWire.IO_SIZE) : 0;
        if (nanos < SLOW_NANOS + (bytes >>> 12) * SLOW_PAGE_NANOS) {
            if (pressure.get() > 0) {
                pressure.decrementAndGet();
            }
        } else if (pressure.incrementAndGet() >= PRESSURE_TO_ADD) {
            pressure.set(0);
            callOne();
        }
    }

    /** Makes a resting thread go on, or starts another one. */
    private void callOne() {
        synchronized (restMonitor) {
            if (called < resting) {
                called++;
                restMonitor.notify();
                return;
            }
        }
        addThread();
    }

    private synchronized void addThread() {
        int next = slots.size();
        // Before everything that was left is settled nobody reads from the kernel.
        if (!settled || ended || next >= MOST_THREADS || !EXTRA_SLOTS.tryAcquire()) {
            return;
        }
        extraSlots++;
        try {
            RequestSlot slot = RequestSlot.in(area, next);
            slot.clear();
            slots.add(slot);
            openSlots(slots.size());
            startThread(slot);
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(Level.WARNING, device.name() + ": no further serving thread", e);
        }
    }

    private void rest() {
        boolean interrupted = false;
        synchronized (restMonitor) {
            resting++;
            while (called == 0 && !ended) {
                try {
                    restMonitor.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            resting--;
            called = Math.max(0, called - 1);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void end() {
        synchronized (restMonitor) {
            ended = true;
            restMonitor.notifyAll();
        }
        synchronized (this) {
            EXTRA_SLOTS.release(extraSlots);
            extraSlots = 0;
        }
    }

    /** The file that is served. */
    ImageFile file() {
        return file;
    }

    /** How many threads serve or rest. */
    int threadCount() {
        return threads.size();
    }

    private boolean goesOn(int received) {
        switch (-received) {
            case Errno.EINTR, Errno.EAGAIN, Errno.ENOENT:
                return true;
            case Errno.ENODEV, Errno.ECONNABORTED, Errno.EBADF, Errno.EPERM:
                LOG.log(Level.DEBUG, device.name() + ": connection ended: " + Errno.describe(-received));
                return false;
            default:
                LOG.log(Level.WARNING, device.name() + ": reading a request: " + Errno.describe(-received));
                java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
                return true;
        }
    }

    boolean serving() {
        return threads.stream().anyMatch(Thread::isAlive);
    }

    /** Waits until all threads have ended; false when the limit came first. */
    boolean awaitEnd(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        boolean interrupted = false;
        while (serving() && System.nanoTime() - end < 0) {
            for (Thread thread : threads) {
                try {
                    TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1_000_000, end - System.nanoTime()));
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !serving();
    }
}
