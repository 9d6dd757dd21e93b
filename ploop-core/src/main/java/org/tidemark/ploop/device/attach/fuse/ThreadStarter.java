package org.tidemark.ploop.device.attach.fuse;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * Starts the further serving threads of all devices of this process. The kernel needs memory for a thread, and may let whoever
 * asks for it wait until dirty pages are written, perhaps those of the very device: so nobody who serves asks for it. To
 * want a thread allocates nothing and waits for nobody. When this one has to wait, all go on with the threads they have.
 */
final class ThreadStarter {
    private static final long AGAIN_NANOS = 100_000_000L;
    private static final ThreadStarter OF_PROCESS = new ThreadStarter();

    private final List<FuseServer> servers = new CopyOnWriteArrayList<>();
    private final Thread thread;

    private ThreadStarter() {
        thread = new Thread(this::run, "fuse-more-threads");
        thread.setDaemon(true);
        thread.start();
    }

    /** From now on the server may call {@link #wake}. */
    static void add(FuseServer server) {
        OF_PROCESS.servers.add(server);
        wake();
    }

    static void remove(FuseServer server) {
        OF_PROCESS.servers.remove(server);
    }

    /** Somebody wants a thread. */
    static void wake() {
        LockSupport.unpark(OF_PROCESS.thread);
    }

    private void run() {
        boolean done = true;
        while (true) {
            if (done) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, AGAIN_NANOS);
            }
            done = true;
            for (FuseServer server : servers) {
                try {
                    done &= server.addWantedThreads();
                } catch (RuntimeException | Error e) {
                    // It wants another one soon, if it still does; the other devices go on wanting theirs.
                    done = false;
                }
            }
        }
    }
}
