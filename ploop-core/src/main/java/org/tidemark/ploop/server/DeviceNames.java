package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.os.NativeFile;

/** A name means one device of this host, whichever device server has it: the folder of a device takes its name, under one lock. */
final class DeviceNames {
    private static final Duration LOCK_LIMIT = Duration.ofSeconds(5);
    private static final long LOOK_AGAIN_NANOS = 1_000_000;

    private DeviceNames() {}

    /**
     * Makes the folder of a new device.
     *
     * @throws ControlException BUSY when another device server of this host has a device of that name
     */
    static void take(RunFolder run, String deviceId) throws IOException {
        RunFolder host = run.ofHost();
        List<RunFolder> servers = new ArrayList<>(host.own());
        servers.add(host);
        try (NativeFile lock = NativeFile.open(host.namesLock(), NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            await(lock);
            for (RunFolder server : servers) {
                if (!server.equals(run) && Files.exists(server.devices().resolve(deviceId))) {
                    throw new ControlException(
                            ControlException.Kind.BUSY, "there is a device '" + deviceId + "' already");
                }
            }
            Path folder = run.devices().resolve(deviceId);
            Files.createDirectories(folder);
        }
    }

    private static void await(NativeFile lock) throws IOException {
        long end = System.nanoTime() + LOCK_LIMIT.toNanos();
        while (!lock.tryLock(true)) {
            if (System.nanoTime() - end > 0) {
                throw new ControlException(
                        ControlException.Kind.BUSY, lock.name() + ": another device server keeps it; try again");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
    }
}
