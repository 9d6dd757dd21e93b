package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.chain.ImagePlace;

/**
 * The device servers of images on NFS. Each has one image, a holder and a run folder below that of the host's device server,
 * which starts it on demand: what the library that speaks to the server does to its process, and how long its threads wait for
 * the network, is the business of that image alone. It ends by itself when nothing is attached any more.
 *
 * <p>{@code server.ensure} with an {@code image} answers with the {@code run} folder where its server listens.
 */
final class OwnServers {
    private static final Logger LOG = System.getLogger(OwnServers.class.getName());

    private static final long LOOK_EVERY_NANOS = 1_000_000_000;
    /** After a start that failed. */
    private static final long START_AGAIN_NANOS = 10_000_000_000L;

    private final RunFolder run;
    private final ServerCommand command;
    /** Those with a thread that is about to start them. */
    private final Set<RunFolder> starting = ConcurrentHashMap.newKeySet();

    OwnServers(RunFolder run, ServerCommand command) {
        this.run = run;
        this.command = command;
    }

    void register(ControlCommands commands) {
        commands.add("server.ensure", (arguments, session) -> ensure(ImagePlace.of(arguments.text("image"))));
    }

    private Fields ensure(ImagePlace image) throws IOException {
        if (image.nfs().isEmpty()) {
            throw new ControlException(
                    ControlException.Kind.USAGE, image + ": only an image on NFS has a device server of its own");
        }
        RunFolder own = run.ownOf(image);
        ServerLauncher.ensureRunning(own, command).close();
        return Fields.of("run", own.path().toString());
    }

    /**
     * Starts those that died together with their holder, for devices that nobody serves: their containers wait. A thread for
     * each, and only while it is being started.
     */
    void watch() {
        Thread thread = new Thread(this::look, "own-servers");
        thread.setDaemon(true);
        thread.start();
    }

    private void look() {
        while (true) {
            try {
                run.ownWithDevices().forEach(this::startIfDead);
            } catch (IOException | RuntimeException e) {
                LOG.log(Level.ERROR, "looking for the device servers of images on NFS", e);
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
    }

    private void startIfDead(RunFolder own) {
        if (!starting.add(own)) {
            return;
        }
        if (alive(own)) {
            starting.remove(own);
            return;
        }
        Thread thread =
                new Thread(() -> startAgain(own), "own-server-" + own.path().getFileName());
        thread.setDaemon(true);
        thread.start();
    }

    private static boolean alive(RunFolder own) {
        try {
            return ServerRecord.read(own).map(one -> one.process().alive()).orElse(false);
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.WARNING, own.path() + ": who serves it is not known", e);
            return false;
        }
    }

    private void startAgain(RunFolder own) {
        try {
            // When the holder lives, it does this.
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
            if (!alive(own)) {
                LOG.log(
                        Level.WARNING,
                        () -> own.path() + ": has devices that nobody serves; starting its device server");
                ServerLauncher.ensureRunning(own, command).close();
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, own.path() + ": its device server does not start", e);
            LockSupport.parkNanos(START_AGAIN_NANOS);
        } finally {
            starting.remove(own);
        }
    }
}
