package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.ServiceManager;

/**
 * A process as a service of a service manager: says when it is ready, and that it is well as long as a check says so. Does
 * nothing in a process that no service manager started. Failing to tell is logged and never ends the work.
 */
public final class ManagedService {
    private static final Logger LOG = System.getLogger(ManagedService.class.getName());
    /** Two signs of life may be lost. */
    private static final int SIGNS_IN_AN_INTERVAL = 3;

    private static final long LOOK_EVERY_NANOS = 100_000_000;

    private final @Nullable ServiceManager manager;

    private ManagedService(@Nullable ServiceManager manager) {
        this.manager = manager;
    }

    /** What tells whether the process is well; an exception or no answer means that it is not. */
    public interface Check {
        void pass() throws IOException;
    }

    /** The service that this process is the main process of. */
    public static ManagedService of(Map<String, String> environment) {
        try {
            return new ManagedService(ServiceManager.of(environment).orElse(null));
        } catch (IOException e) {
            LOG.log(Level.ERROR, "the service manager cannot be told anything", e);
            return new ManagedService(null);
        }
    }

    Optional<ServiceManager> manager() {
        return Optional.ofNullable(manager);
    }

    /** Ready, in words for {@code systemctl status}. */
    public void ready(String status) {
        if (manager != null) {
            try {
                manager.status(status);
                manager.ready();
            } catch (IOException e) {
                LOG.log(Level.ERROR, "telling the service manager", e);
            }
        }
    }

    /** From now on the manager hears that this process is well, as long as {@code check} passes. */
    public void watch(Check check) {
        Optional<Duration> interval = manager().flatMap(ServiceManager::watchdog);
        if (interval.isPresent()) {
            long everyNanos = interval.get().toNanos() / SIGNS_IN_AN_INTERVAL;
            Thread thread = new Thread(() -> tell(check, everyNanos), "watchdog");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void tell(Check check, long everyNanos) {
        while (manager != null) {
            try {
                check.pass();
                manager.alive();
            } catch (IOException | RuntimeException e) {
                LOG.log(Level.WARNING, "this process is not well", e);
            }
            LockSupport.parkNanos(everyNanos);
        }
    }

    /** The run folder's holder is the service manager's business: programs must not start another one meanwhile. */
    static boolean manages(RunFolder run) {
        return Files.exists(marker(run));
    }

    /**
     * Waits for the lock that another holder, which was not started by the service manager, still has; ready meanwhile,
     * because the devices are served.
     */
    void standBy(NativeFile lock) throws IOException {
        if (manager == null || lock.tryLock(true)) {
            return;
        }
        ready("standing by: another holder keeps the descriptors");
        watch(() -> {});
        while (!lock.tryLock(true)) {
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
    }

    void mark(RunFolder run) throws IOException {
        if (manager != null) {
            Files.writeString(marker(run), "");
        } else {
            unmark(run);
        }
    }

    static void unmark(RunFolder run) throws IOException {
        Files.deleteIfExists(marker(run));
    }

    private static Path marker(RunFolder run) {
        return run.path().resolve("managed");
    }
}
