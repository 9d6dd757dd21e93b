package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.ServiceManager;
import org.tidemark.ploop.os.UnixSocket;

/**
 * The device server's connection to the holder. Keeps duplicates of everything it gave away, so that a new holder can be
 * given it all again when the old one dies; it even starts the new holder. Safe for several threads: one exchange at a
 * time, and a change of the table and its announcement are one step.
 */
final class HolderLink {
    private static final Logger LOG = System.getLogger(HolderLink.class.getName());
    private static final Duration WATCH_ROUND = Duration.ofSeconds(1);
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration EXCHANGE_LIMIT = Duration.ofSeconds(30);
    private static final long RETRY_NANOS = 50_000_000;
    private static final int RETRIES_BEFORE_START = 2;
    private static final int RETRIES_BETWEEN_STARTS = 100;
    private static final int RETRIES_BEFORE_START_MANAGED = 99;

    private final RunFolder run;
    private final ServerCommand command;
    private final boolean managed = ServiceManager.watches(System.getenv());
    private final KeptDescriptors given = new KeptDescriptors();
    /** Devices that are gone, of which no holder has heard: a service manager may still keep what is theirs. */
    private final Set<String> unheard = new HashSet<>();

    private @Nullable UnixSocket socket;
    private boolean leaving;

    HolderLink(RunFolder run, ServerCommand command) {
        this.run = run;
        this.command = command;
    }

    /** Connects, and from now on connects again whenever the holder goes away. */
    void start() {
        Thread thread = new Thread(this::stayConnected, "holder-link");
        thread.setDaemon(true);
        thread.start();
    }

    synchronized boolean connected() {
        return socket != null;
    }

    private void stayConnected() {
        int failures = 0;
        while (true) {
            UnixSocket current = null;
            try {
                current = UnixSocket.connect(run.holderSocket(), CONNECT_LIMIT);
                giveEverything(current);
                failures = 0;
                awaitHangUp(current);
            } catch (IOException | RuntimeException e) {
                failures++;
                LOG.log(Level.DEBUG, "connecting to the holder", e);
            }
            lost(current);
            synchronized (this) {
                if (leaving) {
                    return;
                }
            }
            // A service manager starts the next holder itself, with the descriptors that it keeps.
            int before = managed ? RETRIES_BEFORE_START_MANAGED : RETRIES_BEFORE_START;
            if (failures % RETRIES_BETWEEN_STARTS == before) {
                startHolder();
            }
            LockSupport.parkNanos(RETRY_NANOS);
        }
    }

    private void awaitHangUp(UnixSocket current) throws IOException {
        while (!current.awaitHangUp(WATCH_ROUND)) {
            synchronized (this) {
                if (socket != current) {
                    break;
                }
            }
        }
        LOG.log(Level.WARNING, "the holder has gone");
    }

    private synchronized void lost(@Nullable UnixSocket current) {
        socket = null;
        if (current != null) {
            current.close();
        }
    }

    private void startHolder() {
        try {
            command.startHolder(run);
            LOG.log(Level.INFO, "started a new holder");
        } catch (IOException e) {
            LOG.log(Level.ERROR, "starting a new holder", e);
        }
    }

    private synchronized void giveEverything(UnixSocket current) throws IOException {
        HolderMessages.ask(current, Fields.of(HolderMessages.VERB, HolderMessages.HELLO), List.of());
        for (String device : unheard) {
            HolderMessages.ask(current, dropQuestion(device), List.of());
        }
        unheard.clear();
        for (String device : given.devices()) {
            given.use(device, (names, descriptors) -> {
                for (int i = 0; i < names.size(); i++) {
                    HolderMessages.ask(current, keepQuestion(device, names.get(i)), List.of(descriptors.get(i)));
                }
            });
        }
        socket = current;
        notifyAll();
    }

    private static Fields keepQuestion(String device, String name) {
        return Fields.of(
                HolderMessages.VERB, HolderMessages.KEEP, HolderMessages.DEVICE, device, HolderMessages.NAME, name);
    }

    /** The holder has a duplicate of {@code descriptor} on return. */
    synchronized void keep(String device, String name, NativeFile descriptor) throws IOException {
        exchange(keepQuestion(device, name), List.of(descriptor));
        given.keep(device, name, descriptor.duplicate());
    }

    synchronized void drop(String device, String name) throws IOException {
        given.drop(device, name);
        exchange(
                Fields.of(
                        HolderMessages.VERB,
                        HolderMessages.DROP,
                        HolderMessages.DEVICE,
                        device,
                        HolderMessages.NAME,
                        name),
                List.of());
    }

    synchronized void drop(String device) throws IOException {
        given.drop(device);
        unheard.add(device);
        exchange(dropQuestion(device), List.of());
        unheard.remove(device);
    }

    private static Fields dropQuestion(String device) {
        return Fields.of(HolderMessages.VERB, HolderMessages.DROP, HolderMessages.DEVICE, device);
    }

    /** What the holder keeps of a device, by name. The caller owns it; duplicates stay here and there. */
    synchronized Map<String, NativeFile> take(String device) throws IOException {
        HolderMessages.Answer answer =
                exchange(Fields.of(HolderMessages.VERB, HolderMessages.TAKE, HolderMessages.DEVICE, device), List.of());
        List<String> names = answer.fields().texts(HolderMessages.NAMES);
        Map<String, NativeFile> taken = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            NativeFile descriptor = answer.descriptors().get(i);
            taken.put(names.get(i), descriptor);
            given.keep(device, names.get(i), descriptor.duplicate());
        }
        return taken;
    }

    /** Tells the holder that this server ends for good. False when the holder does not agree, or is not there. */
    synchronized boolean leave() {
        leaving = true;
        try {
            Fields question = Fields.of(HolderMessages.VERB, HolderMessages.LEAVING);
            boolean agreed = exchange(question, List.of()).fields().flag("agreed");
            leaving = agreed;
            return agreed;
        } catch (IOException e) {
            LOG.log(Level.WARNING, "telling the holder that this server ends", e);
            return true;
        }
    }

    /** Waits for a holder if there is none right now; asks again when it dies in between. All questions bear repeating. */
    private HolderMessages.Answer exchange(Fields question, List<NativeFile> descriptors) throws IOException {
        long end = System.nanoTime() + EXCHANGE_LIMIT.toNanos();
        while (true) {
            UnixSocket current = awaitSocket(end);
            try {
                return HolderMessages.ask(current, question, descriptors);
            } catch (ControlException e) {
                if (e.kind() != ControlException.Kind.DISCONNECTED) {
                    throw e;
                }
                socket = null;
            } catch (org.tidemark.ploop.os.OsException e) {
                LOG.log(Level.WARNING, "talking to the holder", e);
                socket = null;
            }
        }
    }

    private UnixSocket awaitSocket(long endNanos) throws IOException {
        while (true) {
            UnixSocket current = socket;
            if (current != null) {
                return current;
            }
            long left = endNanos - System.nanoTime();
            if (left <= 0) {
                throw new ControlException(ControlException.Kind.BUSY, "the holder process cannot be reached");
            }
            try {
                wait(Math.max(1, left / 1_000_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new java.io.InterruptedIOException("waiting for the holder");
            }
        }
    }
}
