package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.os.Processes;

/**
 * Keeps one device server running. A successor is started only when the predecessor and all its threads have ended, which a
 * pidfd tells; a server that merely hangs is left alone, because two servers on one descriptor would destroy data.
 */
final class Supervisor {
    private static final Logger LOG = System.getLogger(Supervisor.class.getName());
    private static final Duration LONG_LIFE = Duration.ofSeconds(1);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(60);
    private static final long SHORTEST_PAUSE_NANOS = 20_000_000;
    private static final int LONGEST_PAUSE_DOUBLINGS = 6;
    private static final int SHORT_LIVES_OF_AN_UPGRADE = 3;

    private final RunFolder run;
    private final ServerCommand command;
    private final Holder holder;
    private final ManagedService service;

    Supervisor(RunFolder run, ServerCommand command, Holder holder, ManagedService service) {
        this.run = run;
        this.command = command;
        this.holder = holder;
        this.service = service;
    }

    /** Returns when the device server has ended because it was asked to. */
    void superviseUntilLeft() {
        int shortLives = 0;
        while (true) {
            long start = System.nanoTime();
            try {
                Processes.Id server = runningServer();
                service.ready("keeps " + holder.kept().devices().size() + " device(s); device server: process "
                        + server.pid());
                awaitEnd(server);
            } catch (IOException e) {
                LOG.log(Level.ERROR, "starting or watching the device server", e);
            }
            if (holder.serverLeaves()) {
                return;
            }
            boolean longLived = System.nanoTime() - start > LONG_LIFE.toNanos();
            shortLives = longLived ? 0 : shortLives + 1;
            LOG.log(Level.WARNING, "the device server has ended; starting it again");
            if (shortLives == SHORT_LIVES_OF_AN_UPGRADE) {
                rejectChosen();
            }
            if (shortLives > 1) {
                // It dies while it starts: do not burn the machine.
                LockSupport.parkNanos(SHORTEST_PAUSE_NANOS << Math.min(shortLives - 1, LONGEST_PAUSE_DOUBLINGS));
            }
        }
    }

    private Processes.Id runningServer() throws IOException {
        Optional<ServerRecord> record = ServerRecord.read(run);
        if (record.isPresent() && record.get().process().alive()) {
            LOG.log(Level.INFO, () -> "watching device server " + record.get().process());
            return record.get().process();
        }
        return Processes.byPid(command().startServer(run).pid());
    }

    /** What was chosen for an upgrade, or how this holder itself was started. */
    private ServerCommand command() {
        try {
            return ServerCommand.chosen(run).orElse(command);
        } catch (IOException e) {
            LOG.log(Level.ERROR, "reading how the device server is to be started; it starts as before", e);
            return command;
        }
    }

    /** An upgrade that does not live is taken back: containers wait meanwhile. */
    private void rejectChosen() {
        try {
            if (ServerCommand.chosen(run).isPresent()) {
                ServerCommand.reject(run);
                LOG.log(Level.ERROR, "the chosen device server ends as soon as it starts; the one before starts again");
            }
        } catch (IOException e) {
            LOG.log(Level.ERROR, "taking back an upgrade", e);
        }
    }

    private static void awaitEnd(Processes.Id server) throws IOException {
        try (Processes.Handle handle = server.open()) {
            boolean ended = false;
            while (!ended) {
                ended = handle.awaitEnd(LOOK_EVERY);
            }
        }
    }
}
