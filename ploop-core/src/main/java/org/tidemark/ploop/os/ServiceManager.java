package org.tidemark.ploop.os;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The service manager that started this process, spoken to as sd_notify(3) and sd_listen_fds(3) of systemd describe: it is told
 * that the service is ready and well, and keeps descriptors while no process of the service lives (FDSTORE). Only the main
 * process of a service is believed. Safe for several threads.
 */
public final class ServiceManager implements Closeable {
    /** Environment variables that mean one process, and must not reach its children. */
    public static final List<String> OF_ONE_PROCESS =
            List.of("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID");

    /** Environment variable that says where the manager listens. */
    public static final String SOCKET = "NOTIFY_SOCKET";

    private static final int FIRST_DESCRIPTOR = 3;
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final UnixSocket socket;
    private final Optional<Duration> watchdog;

    private ServiceManager(UnixSocket socket, Optional<Duration> watchdog) {
        this.socket = socket;
        this.watchdog = watchdog;
    }

    /** A descriptor that the manager kept, under the name it was given. */
    public record Kept(String name, NativeFile descriptor) {}

    /** Whether a service manager watches over this process or a process that started it. */
    public static boolean watches(Map<String, String> environment) {
        return !environment.getOrDefault(SOCKET, "").isEmpty();
    }

    /** Empty when no service manager started this process. */
    public static Optional<ServiceManager> of(Map<String, String> environment) throws IOException {
        String address = environment.getOrDefault(SOCKET, "");
        if (address.isEmpty()) {
            return Optional.empty();
        }
        String micros = environment.getOrDefault("WATCHDOG_USEC", "");
        boolean watched = isOwn(environment.getOrDefault("WATCHDOG_PID", "")) && micros.matches("[0-9]{1,15}");
        Optional<Duration> watchdog =
                watched ? Optional.of(Duration.ofNanos(1_000 * Long.parseLong(micros))) : Optional.empty();
        return Optional.of(new ServiceManager(UnixSocket.datagramsTo(address), watchdog));
    }

    /**
     * What {@link #store} gave to the manager in an earlier life of the service. Call once: the caller owns the descriptors,
     * which are not inherited by children any more.
     */
    public static List<Kept> handedOver(Map<String, String> environment) throws IOException {
        List<Kept> kept = new ArrayList<>();
        if (!isOwn(environment.getOrDefault("LISTEN_PID", ""))) {
            return kept;
        }
        int count = Integer.parseInt(environment.getOrDefault("LISTEN_FDS", "0"));
        String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        for (int i = 0; i < count; i++) {
            String name = i < names.length ? names[i] : "";
            NativeFile inherited = NativeFile.adopt(FIRST_DESCRIPTOR + i, name);
            // The duplicate is close-on-exec.
            kept.add(new Kept(name, inherited.duplicate()));
            inherited.close();
        }
        return kept;
    }

    private static boolean isOwn(String pid) {
        return pid.equals(Long.toString(ProcessHandle.current().pid()));
    }

    /** The service does its work from now on. */
    public void ready() throws IOException {
        send("READY=1", List.of());
    }

    /** One line for whoever asks how the service is. */
    public void status(String line) throws IOException {
        send("STATUS=" + line.replace('\n', ' '), List.of());
    }

    /** How often {@link #alive} must be called at least, or the manager ends this process. */
    public Optional<Duration> watchdog() {
        return watchdog;
    }

    /** This process is well. */
    public void alive() throws IOException {
        send("WATCHDOG=1", List.of());
    }

    /**
     * The manager has a duplicate on return, which outlives every process of the service. Names may be given twice: both
     * descriptors are kept.
     *
     * @param name printable ASCII without a colon, at most 255 characters
     */
    public void store(String name, NativeFile descriptor) throws IOException {
        send("FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, List.of(descriptor));
        awaitDone();
    }

    /** The manager lets go of everything called so. */
    public void remove(String name) throws IOException {
        send("FDSTOREREMOVE=1\nFDNAME=" + name, List.of());
    }

    /** What was sent before is done when the manager closes the descriptor that it gets here. */
    private void awaitDone() throws IOException {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket own = pair.get(0);
                UnixSocket theirs = pair.get(1)) {
            send("BARRIER=1", List.of(theirs.descriptor()));
            theirs.close();
            if (!own.awaitHangUp(LIMIT)) {
                throw new OsException("sd_notify", "service manager", Errno.ETIMEDOUT);
            }
        }
    }

    private synchronized void send(String message, List<NativeFile> descriptors) throws IOException {
        socket.send(message.getBytes(StandardCharsets.UTF_8), descriptors, LIMIT);
    }

    @Override
    public void close() {
        socket.close();
    }
}
