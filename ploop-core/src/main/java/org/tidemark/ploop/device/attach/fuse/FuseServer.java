package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.os.Errno;

/**
 * The threads that serve one device. They belong to this device alone, so that one slow image holds up nobody else. All
 * read from one shared descriptor; each has a slot of its own. They end when the kernel says that the mount is gone.
 */
final class FuseServer {
    private static final Logger LOG = System.getLogger(FuseServer.class.getName());
    private static final String SLOT_COUNT = "fuse-slots";
    private static final int SLOT_COUNT_BYTES = 4096;
    private static final int STACK_BYTES = 512 * 1024;

    private final BlockDevice device;
    private final FuseKernel kernel;
    private final ImageFile file;
    private final List<RequestSlot> slots = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    private FuseServer(BlockDevice device, FuseKernel kernel) {
        this.device = device;
        this.kernel = kernel;
        this.file = new ImageFile(device);
    }

    /** Serves a new connection by {@code threadCount} threads. */
    static FuseServer start(BlockDevice device, StateArea area, FuseKernel kernel, int threadCount) throws IOException {
        FuseServer server = new FuseServer(device, kernel);
        server.openSlots(area, threadCount);
        server.slots.forEach(RequestSlot::clear);
        server.startThreads();
        return server;
    }

    /** Settles what a predecessor left in {@code area}, then serves by as many threads as it had. */
    static FuseServer resume(BlockDevice device, StateArea area, FuseKernel kernel) throws IOException {
        FuseServer server = new FuseServer(device, kernel);
        int count = area.region(SLOT_COUNT, SLOT_COUNT_BYTES).getInt(0);
        server.openSlots(area, Math.max(1, count));
        SlotRecovery.Outcome outcome = SlotRecovery.settle(server.slots, server.file, kernel);
        LOG.log(
                Level.INFO,
                () -> device.name() + ": taken over; requests executed " + outcome.executed() + ", answered again "
                        + outcome.answered());
        server.startThreads();
        return server;
    }

    private void openSlots(StateArea area, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            slots.add(RequestSlot.in(area, i));
        }
        // Only now does a successor look for them.
        area.region(SLOT_COUNT, SLOT_COUNT_BYTES).putInt(0, count);
    }

    private void startThreads() {
        for (int i = 0; i < slots.size(); i++) {
            RequestSlot slot = slots.get(i);
            Thread thread = new Thread(null, () -> serve(slot), "fuse-" + device.name() + "-" + i, STACK_BYTES);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    private void serve(RequestSlot slot) {
        while (true) {
            try {
                if (!serveOne(slot)) {
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
        int received = kernel.receive(slot.receiveAddress(), RequestSlot.RECEIVE_BYTES);
        if (received < 0) {
            return goesOn(received);
        }
        if (file.execute(slot)) {
            int sent = slot.send(kernel);
            if (sent < 0 && sent != -Errno.ENOENT) {
                LOG.log(Level.WARNING, device.name() + ": the kernel refused a reply: " + Errno.describe(-sent));
                return sent != -Errno.ENODEV;
            }
        }
        return true;
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
        for (Thread thread : threads) {
            while (thread.isAlive() && System.nanoTime() - end < 0) {
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
