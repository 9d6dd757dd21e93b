package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.ServiceManager;
import org.tidemark.ploop.os.UnixSocket;

/** Serves the holder's socket: keeps descriptors, watches freezes. One thread for each connection. */
final class Holder implements Closeable {
    private static final Logger LOG = System.getLogger(Holder.class.getName());
    private static final int MAX_CONNECTIONS = 256;
    /** No device can be called so. */
    private static final String FREEZES = "@freezes";

    private static final Duration AFTER_TAKE_OVER = Duration.ofSeconds(15);
    private static final Duration ACCEPT_ROUND = Duration.ofSeconds(3600);
    private static final Duration IDLE_ROUND = Duration.ofSeconds(3600);

    private final UnixSocket listener;
    private final KeptDescriptors kept = new KeptDescriptors();
    private final DescriptorStore store;
    private final Semaphore places = new Semaphore(MAX_CONNECTIONS);
    private volatile boolean serverLeaves;
    private volatile boolean closed;

    Holder(UnixSocket listener) {
        this.listener = listener;
        this.store = DescriptorStore.none();
    }

    /** With what a service manager kept for an earlier holder, which this one owns from now on. */
    Holder(UnixSocket listener, ServiceManager manager, List<ServiceManager.Kept> handedOver) throws IOException {
        this.listener = listener;
        this.store = DescriptorStore.of(manager, handedOver, kept);
    }

    void start() throws IOException {
        thawWhatAnEarlierHolderWatched();
        Thread thread = new Thread(this::acceptAll, "holder");
        thread.setDaemon(true);
        thread.start();
    }

    /** Its freezer may be alive and about to thaw: each is given the time that it had asked for, once more. */
    private void thawWhatAnEarlierHolderWatched() throws IOException {
        kept.use(FREEZES, (names, descriptors) -> {
            for (int i = 0; i < names.size(); i++) {
                String name = names.get(i);
                FreezeGuard guard = new FreezeGuard(descriptors.get(i).duplicate(), limitIn(name));
                Thread thread = new Thread(() -> outwait(guard, name), "holder-freeze");
                thread.setDaemon(true);
                thread.start();
            }
        });
        kept.drop(FREEZES);
    }

    private void outwait(FreezeGuard guard, String name) {
        // The freeze itself may still wait for a device that is being taken over, and come true later.
        long end = System.nanoTime() + limitIn(name).plus(AFTER_TAKE_OVER).toNanos();
        while (!guard.thawed() && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(guard.untilNextLook().toNanos());
            guard.overdue();
        }
        try {
            guard.callOff();
        } catch (IOException e) {
            LOG.log(Level.WARNING, "ending the freeze watch of an earlier holder", e);
        }
        store.drop(FREEZES, name);
    }

    private static String freezeName(Duration limit) {
        return limit.toMillis() + "-" + UUID.randomUUID();
    }

    private static Duration limitIn(String freezeName) {
        return Duration.ofMillis(Long.parseLong(freezeName.substring(0, freezeName.indexOf('-'))));
    }

    KeptDescriptors kept() {
        return kept;
    }

    /** Whether the device server said that it ends because nothing is attached. */
    boolean serverLeaves() {
        return serverLeaves;
    }

    private void acceptAll() {
        while (!closed) {
            try {
                UnixSocket socket = listener.accept(ACCEPT_ROUND);
                if (socket != null && !places.tryAcquire()) {
                    socket.close();
                } else if (socket != null) {
                    Thread thread = new Thread(() -> serve(socket), "holder-client");
                    thread.setDaemon(true);
                    thread.start();
                }
            } catch (IOException | RuntimeException e) {
                LOG.log(Level.WARNING, "accepting a connection", e);
                LockSupport.parkNanos(100_000_000);
            }
        }
    }

    /** Public to tests in this package: serves one connection until it ends. */
    void serve(UnixSocket socket) {
        FreezeGuard guard = null;
        String freeze = "";
        try {
            while (true) {
                UnixSocket.Message message = next(socket, guard);
                if (message == null) {
                    return;
                }
                Fields question = Fields.parse(message.text());
                switch (question.text(HolderMessages.VERB)) {
                    case HolderMessages.FREEZE_ARM -> {
                        freeze = freezeName(Duration.ofMillis(question.number("millis")));
                        guard = arm(socket, guard, question, message, freeze);
                    }
                    case HolderMessages.FREEZE_CALL_OFF -> {
                        boolean thawed = guard != null && guard.callOff();
                        guard = null;
                        HolderMessages.send(socket, Fields.of("thawed", thawed), List.of());
                        store.drop(FREEZES, freeze);
                    }
                    default -> answer(socket, question, message.descriptors());
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.WARNING, "a connection ended", e);
        } finally {
            socket.close();
            closeGuard(guard);
            store.drop(FREEZES, freeze);
            places.release();
        }
    }

    private static UnixSocket.@Nullable Message next(UnixSocket socket, @Nullable FreezeGuard guard)
            throws IOException {
        while (true) {
            try {
                return socket.receive(guard == null ? IDLE_ROUND : guard.untilNextLook());
            } catch (OsException e) {
                if (e.errno() != Errno.ETIMEDOUT) {
                    throw e;
                }
                if (guard != null) {
                    guard.overdue();
                }
            }
        }
    }

    private @Nullable FreezeGuard arm(
            UnixSocket socket, @Nullable FreezeGuard guard, Fields question, UnixSocket.Message message, String freeze)
            throws IOException {
        if (guard != null || message.descriptors().size() != 1) {
            closeAll(message.descriptors());
            refuse(socket, "one freeze watch for each connection, with one descriptor");
            return guard;
        }
        Duration limit = Duration.ofMillis(question.number("millis"));
        store.keep(FREEZES, freeze, message.descriptors().get(0));
        FreezeGuard fresh = new FreezeGuard(message.descriptors().get(0), limit);
        HolderMessages.send(socket, Fields.of("armed", true), List.of());
        return fresh;
    }

    private static void closeGuard(@Nullable FreezeGuard guard) {
        try {
            if (guard != null) {
                guard.close();
            }
        } catch (IOException e) {
            LOG.log(Level.WARNING, "ending a freeze watch", e);
        }
    }

    private void answer(UnixSocket socket, Fields question, List<NativeFile> descriptors) throws IOException {
        switch (question.text(HolderMessages.VERB)) {
            case HolderMessages.HELLO ->
                HolderMessages.send(
                        socket, Fields.of("pid", ProcessHandle.current().pid(), "devices", kept.devices()), List.of());
            case HolderMessages.KEEP -> {
                if (descriptors.size() != 1) {
                    closeAll(descriptors);
                    refuse(socket, "keep takes one descriptor");
                    return;
                }
                String device = question.text(HolderMessages.DEVICE);
                String name = question.text(HolderMessages.NAME);
                // A server that meets a new holder gives everything again: what systemd handed over is that already.
                if (kept.has(device, name, descriptors.get(0))) {
                    closeAll(descriptors);
                } else {
                    store.keep(device, name, descriptors.get(0));
                    kept.keep(device, name, descriptors.get(0));
                }
                HolderMessages.send(socket, Fields.of("kept", true), List.of());
            }
            case HolderMessages.DROP -> {
                String device = question.text(HolderMessages.DEVICE);
                String name = question.text(HolderMessages.NAME, "");
                if (name.isEmpty()) {
                    store.drop(device);
                    kept.drop(device);
                } else {
                    store.drop(device, name);
                    kept.drop(device, name);
                }
                HolderMessages.send(socket, Fields.of("dropped", true), List.of());
            }
            case HolderMessages.TAKE ->
                kept.use(
                        question.text(HolderMessages.DEVICE),
                        (names, files) -> HolderMessages.send(socket, Fields.of(HolderMessages.NAMES, names), files));
            case HolderMessages.LEAVING -> {
                serverLeaves = kept.isEmpty();
                HolderMessages.send(socket, Fields.of("agreed", serverLeaves), List.of());
            }
            default -> {
                closeAll(descriptors);
                refuse(socket, "unknown verb");
            }
        }
    }

    private static void refuse(UnixSocket socket, String why) throws IOException {
        HolderMessages.send(socket, Fields.of(HolderMessages.ERROR, why), List.of());
    }

    private static void closeAll(List<NativeFile> descriptors) throws IOException {
        for (NativeFile descriptor : descriptors) {
            descriptor.close();
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        kept.close();
    }
}
