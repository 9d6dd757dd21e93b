package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.os.Errno;

/**
 * The threads that serve one device. They belong to this device alone, so that one slow image holds up nobody else. All
 * read from one shared descriptor; each has a slot of its own. They end when the kernel says that the mount is gone.
 *
 * <p>Where the image answers at once (memory, page cache) few threads are fastest; where it has to be waited for, the
 * number of threads is the depth that the disk sees. So there are few at first; another is added when most requests that
 * find nobody else waiting are slow, up to {@link #MOST_THREADS}. A thread that comes back and finds enough others waiting
 * rests, which keeps those that serve warm. Memory of slots beyond the first ones is bounded for the process.
 *
 * <p>Those that serve start no threads themselves, see {@link ThreadStarter}.
 *
 * <p>A thread whose request finds no space leaves it in its slot to {@link ParkedRequests} and serves on with another one.
 */
final class FuseServer {
    static final int MOST_THREADS = 16;

    private static final Logger LOG = System.getLogger(FuseServer.class.getName());
    private static final int STACK_BYTES = 512 * 1024;

    /** So much of its stack a thread uses before it serves: about 64 KiB. */
    private static final int USED_FRAMES = 500;

    /** Threads beyond the first ones, of all devices of this process: 264 KiB of locked memory each. */
    private static final Semaphore EXTRA_THREADS = new Semaphore(128);

    /** A request is slow when it takes longer than memory would: so much, and so much for each 4 KiB. */
    private static final long SLOW_NANOS = 40_000;

    private static final long SLOW_PAGE_NANOS = 4_000;
    private static final int PRESSURE_TO_ADD = 8;
    private static final long SPACE_PAUSE_NANOS = 100_000_000;
    private static final long END_LOOK_NANOS = 100_000;

    private final BlockDevice device;
    private final FuseKernel kernel;
    private final SlotPool pool;
    private final ImageFile file;
    private final ParkedRequests parked;
    private final int fewThreads;
    /** Those that serve, settle or try again. */
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
    /** The kernel has said so. */
    private volatile boolean gone;

    private final AtomicReference<@Nullable Runnable> whenEnded = new AtomicReference<>();
    private volatile boolean wantsThread;
    /** How many threads serve or rest, and how many of them are extra. Changed under the monitor of this. */
    private volatile int serving;

    /** The {@link ThreadStarter} is about to start one. Changed under the monitor of this. */
    private volatile boolean starting;

    private int extraThreads;

    private FuseServer(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int fewThreads) {
        this.device = device;
        this.pool = new SlotPool(area);
        this.kernel = kernel;
        this.fewThreads = fewThreads;
        this.file = new ImageFile(device, window);
        this.parked = new ParkedRequests(device.name(), file, kernel, file.space(), pool, ThreadStarter::wake);
    }

    /** Serves a new connection by {@code threadCount} threads, or more when that helps. */
    static FuseServer start(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int threadCount)
            throws IOException {
        FuseServer server = new FuseServer(device, window, area, kernel, threadCount);
        server.startServing(threadCount);
        ThreadStarter.add(server);
        return server;
    }

    /**
     * Settles what a predecessor left in {@code area}, then serves by about as many threads as it had. Returns before that: a
     * request that was left may have to wait for its disk, and whoever takes devices over must not.
     */
    static FuseServer resume(BlockDevice device, LoopWindow window, StateArea area, FuseKernel kernel, int threadCount)
            throws IOException {
        FuseServer server = new FuseServer(device, window, area, kernel, threadCount);
        List<RequestSlot> left = server.pool.takeOver();
        SlotRecovery recovery = new SlotRecovery(left, server.file, kernel);
        long received = left.stream()
                .filter(slot -> slot.phase() != RequestSlot.Phase.EMPTY)
                .count();
        for (long i = Math.max(1, Math.min(MOST_THREADS, received)); i > 0; i--) {
            server.startThread("settle-" + i, () -> server.settleThenServe(recovery, left));
        }
        ThreadStarter.add(server);
        return server;
    }

    private void settleThenServe(SlotRecovery recovery, List<RequestSlot> slots) {
        if (!recovery.settle()) {
            return;
        }
        SlotRecovery.Outcome outcome = recovery.finish();
        LOG.log(
                Level.INFO,
                () -> device.name() + ": taken over; requests executed " + outcome.executed() + ", answered again "
                        + outcome.answered() + ", waiting for space "
                        + outcome.waiting().size());
        slots.stream().filter(slot -> !outcome.waiting().contains(slot)).forEach(pool::giveBack);
        parked.adopt(outcome.waiting());
        try {
            // More slots than threads are those of requests that waited: it is not known how many threads there were.
            startServing(slots.size() > MOST_THREADS ? fewThreads : Math.max(1, slots.size()));
            if (outcome.waiting().isEmpty()) {
                pool.dropFree();
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, device.name() + ": starting to serve it", e);
        }
    }

    /** The first of them may want another one before the last has started: it waits for its turn. */
    private synchronized void startServing(int count) throws IOException {
        int extra = Math.max(0, count - fewThreads);
        extraThreads = extra > 0 && EXTRA_THREADS.tryAcquire(extra) ? extra : 0;
        int wanted = Math.min(count, fewThreads + extraThreads);
        settled = true;
        while (serving < wanted) {
            RequestSlot slot = pool.take();
            startThread(String.valueOf(serving), () -> serve(slot));
            serving++;
        }
    }

    /** Whether nothing that a predecessor left has still to be executed or answered. */
    boolean settled() {
        return settled;
    }

    private void startThread(String which, Runnable body) {
        threads.removeIf(thread -> thread.getState() == Thread.State.TERMINATED);
        Thread thread = new Thread(null, body, "fuse-" + device.name() + "-" + which, STACK_BYTES);
        thread.setDaemon(true);
        threads.add(thread);
        boolean started = false;
        try {
            thread.start();
            started = true;
        } finally {
            if (!started) {
                threads.remove(thread);
            }
        }
    }

    /** What is used of the stack once is there for good: no request waits for memory for it. */
    private static int useStack(int frames) {
        return frames == 0 ? 0 : 1 + useStack(frames - 1);
    }

    private void serve(RequestSlot first) {
        RequestSlot slot = first;
        useStack(USED_FRAMES);
        while (true) {
            try {
                if (waiting.get() >= fewThreads) {
                    rest();
                }
                slot.clear();
                RequestSlot next = serveOne(slot);
                if (next == null) {
                    end();
                    return;
                }
                slot = next;
            } catch (Throwable e) {
                LOG.log(Level.ERROR, device.name() + ": serving thread goes on after", e);
            }
        }
    }

    /** One turn of the loop. Returns the slot for the next one; null when the connection has ended. */
    private @Nullable RequestSlot serveOne(RequestSlot slot) {
        waiting.incrementAndGet();
        int received;
        int others;
        try {
            received = kernel.receive(slot.receiveAddress(), RequestSlot.RECEIVE_BYTES);
        } finally {
            others = waiting.decrementAndGet();
        }
        if (received < 0) {
            return goesOn(received) ? slot : null;
        }
        long begun = others == 0 ? System.nanoTime() : 0;
        ImageFile.Outcome outcome = file.execute(slot);
        if (outcome == ImageFile.Outcome.NO_SPACE) {
            RequestSlot other = parked.park(slot);
            if (other != null) {
                return other;
            }
            outcome = waitForSpace(slot);
        }
        if (outcome == ImageFile.Outcome.ANSWER) {
            int sent = slot.send(kernel);
            if (sent < 0 && sent != -Errno.ENOENT) {
                LOG.log(Level.WARNING, device.name() + ": the kernel refused a reply: " + Errno.describe(-sent));
                if (sent != -Errno.ENODEV) {
                    return slot;
                }
                gone = true;
                return null;
            }
        }
        if (others == 0) {
            notePressure(slot, System.nanoTime() - begun);
        }
        return slot;
    }

    /** There is no room to put the request aside. */
    private ImageFile.Outcome waitForSpace(RequestSlot slot) {
        ImageFile.Outcome outcome = ImageFile.Outcome.NO_SPACE;
        callOne();
        try {
            while (outcome == ImageFile.Outcome.NO_SPACE && !ended) {
                LockSupport.parkNanos(this, SPACE_PAUSE_NANOS);
                outcome = file.executeAgain(slot);
            }
        } finally {
            file.space().end();
        }
        return outcome;
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
        if (serving < MOST_THREADS) {
            wantsThread = true;
            ThreadStarter.wake();
        }
    }

    /**
     * For the {@link ThreadStarter}: starts threads that are wanted. Nobody who serves waits for it.
     *
     * @return false when it has to be called again soon
     */
    boolean addWantedThreads() {
        boolean done = parked.startIfNeeded(body -> startThread("space", body));
        addServingThread();
        return done;
    }

    private void addServingThread() {
        if (!wantsThread) {
            return;
        }
        wantsThread = false;
        int number;
        synchronized (this) {
            // Before everything that was left is settled nobody reads from the kernel.
            if (!settled || ended || serving >= MOST_THREADS || !EXTRA_THREADS.tryAcquire()) {
                return;
            }
            extraThreads++;
            number = serving++;
            starting = true;
        }
        boolean started = false;
        try {
            started = startOne(number);
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(Level.WARNING, device.name() + ": no further serving thread", e);
        } finally {
            began(started);
        }
    }

    /** False when there is nothing to serve any more. */
    private boolean startOne(int number) throws IOException {
        RequestSlot slot = pool.take();
        boolean started = false;
        try {
            if (!ended) {
                startThread(String.valueOf(number), () -> serve(slot));
                started = true;
            }
            return started;
        } finally {
            if (!started) {
                pool.giveBack(slot);
            }
        }
    }

    private synchronized void began(boolean started) {
        starting = false;
        if (!started) {
            serving--;
            if (extraThreads > 0) {
                extraThreads--;
                EXTRA_THREADS.release();
            }
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

    /** Calls {@code act} once, by a thread that serves, when the kernel has ended the connection; at once when it has already. */
    void whenEnded(Runnable act) {
        whenEnded.set(act);
        if (gone) {
            tellEnd();
        }
    }

    private void tellEnd() {
        Runnable act = whenEnded.getAndSet(null);
        if (act != null) {
            act.run();
        }
    }

    private void end() {
        synchronized (restMonitor) {
            ended = true;
            restMonitor.notifyAll();
        }
        if (gone) {
            tellEnd();
        }
        ThreadStarter.remove(this);
        parked.end();
        synchronized (this) {
            EXTRA_THREADS.release(extraThreads);
            extraThreads = 0;
        }
    }

    /** The file that is served. */
    ImageFile file() {
        return file;
    }

    /** How many threads serve or rest. */
    int threadCount() {
        return serving;
    }

    private boolean goesOn(int received) {
        switch (-received) {
            case Errno.EINTR, Errno.EAGAIN, Errno.ENOENT:
                return true;
            case Errno.ENODEV, Errno.ECONNABORTED, Errno.EBADF, Errno.EPERM:
                if (received == -Errno.ENODEV || received == -Errno.ECONNABORTED) {
                    gone = true;
                }
                LOG.log(Level.DEBUG, device.name() + ": connection ended: " + Errno.describe(-received));
                return false;
            default:
                LOG.log(Level.WARNING, device.name() + ": reading a request: " + Errno.describe(-received));
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
                return true;
        }
    }

    boolean serving() {
        // Until none is about to be started nobody may close what they read from.
        return starting || threads.stream().anyMatch(thread -> thread.getState() != Thread.State.TERMINATED);
    }

    /** Waits until all threads have ended; false when the limit came first. */
    boolean awaitEnd(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        boolean interrupted = false;
        while (serving() && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(END_LOOK_NANOS);
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
