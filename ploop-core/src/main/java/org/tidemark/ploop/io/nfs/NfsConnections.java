package org.tidemark.ploop.io.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsLostException;

/**
 * A bounded number of connections to one export, opened when they are needed, and the patience with a server that is away.
 * Safe for several threads; each connection serves one at a time, the one that was used last first.
 */
final class NfsConnections implements Closeable {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    /** A request is not held back for longer than so many times the slowest one lately. */
    private static final int SLOWER_AT_MOST = 20;

    /** A server that starts may answer that it does not know a file before it has found its file systems. */
    private static final Duration STARTING = Duration.ofSeconds(30);

    /** The shortest settle time is this part of the longest. */
    private static final int SHORTEST_PART = 30;

    private static final int SCRATCH_BYTES = 1 << 20;

    /** Opens one connection. */
    @FunctionalInterface
    interface Connector {
        NfsClient connect() throws IOException;
    }

    /** Says whether changes may be sent now. */
    interface Gate {
        /** For what changes nothing. */
        Gate OPEN = new Gate() {
            @Override
            public void check() {}

            @Override
            public boolean open() {
                return true;
            }
        };

        /**
         * Opens the gate if that is possible, perhaps by asking the server. Throws {@link NfsLostException} when it is not
         * now, perhaps later; any other exception when never again.
         */
        void check() throws IOException;

        /** Whether it is open at this moment; asks nobody. */
        boolean open();
    }

    /** The gate has closed since it was checked; nothing was sent. */
    private static final class GateClosedException extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /** Something to ask of a server. */
    @FunctionalInterface
    interface Request<T> {
        /** {@code again} says that an earlier attempt may have been carried out already. */
        T with(Link link, boolean again) throws IOException;
    }

    /** One connection, or the place for one. Belongs to whoever has taken it. */
    static final class Link {
        private @Nullable NfsClient client;
        private @Nullable ByteBuffer scratch;
        private long number;
        private long verifier;
        private boolean verifierKnown;

        NfsClient client() throws NfsLostException {
            NfsClient now = client;
            if (now == null) {
                throw new NfsLostException("no connection");
            }
            return now;
        }

        /** Tells this connection from every other one of this process; 0 for none. */
        long number() {
            return number;
        }

        /** The write verifier that came last on this connection. */
        long verifier() {
            return verifier;
        }

        boolean verifierKnown() {
            return verifierKnown;
        }

        /** Memory to read into; as good as empty for the next one who takes the connection. */
        ByteBuffer scratch() {
            ByteBuffer memory = scratch;
            if (memory == null) {
                memory = ByteBuffer.allocateDirect(SCRATCH_BYTES);
                scratch = memory;
            }
            return memory.clear();
        }
    }

    private final String name;
    private final Connector connector;
    private final NfsImageSettings settings;
    private final NfsClock clock;
    private final List<Link> all = new ArrayList<>();

    /** Guarded by this, as all below. The last is taken first. */
    private final Deque<Link> idle = new ArrayDeque<>();

    private long lastNumber;
    private boolean everConnected;
    private boolean closed;
    private boolean away;
    private long awaySinceNanos;
    private boolean everLost;
    private long lastLostNanos;
    private long lastAnswerNanos;
    private long slowestNanos;
    private long slowestBeforeNanos;
    private long slowestSinceNanos;
    private long newestNumber;
    private long newestVerifier;

    NfsConnections(String name, Connector connector, NfsImageSettings settings, NfsClock clock) {
        this.name = name;
        this.connector = connector;
        this.settings = settings;
        this.clock = clock;
        for (int i = 0; i < settings.connections(); i++) {
            Link link = new Link();
            all.add(link);
            idle.add(link);
        }
        this.lastAnswerNanos = clock.nanoTime();
        this.slowestSinceNanos = lastAnswerNanos;
    }

    /** How much a request may ask for at once. */
    static int scratchBytes() {
        return SCRATCH_BYTES;
    }

    /**
     * Does {@code request}, again and again while the server is away or asks for patience, until it has been so for as long
     * as it may.
     *
     * @throws OsException what the server refuses it with
     * @throws ImageException of kind SUSPECT when the server has been away for too long, or as {@code gate} says
     */
    <T> T call(Gate gate, Request<T> request) throws IOException {
        Waiting waiting = new Waiting();
        boolean again = false;
        for (int attempt = 0; ; attempt++) {
            boolean[] sent = new boolean[1];
            try {
                gate.check();
                Link link = take();
                return use(link, gate, request, again, sent);
            } catch (GateClosedException e) {
                attempt--;
            } catch (NfsLostException e) {
                again |= sent[0];
                pause(attempt, waiting.lost(awaySince()), e);
            } catch (OsException e) {
                if (e.errno() != Errno.EAGAIN) {
                    throw e;
                }
                pause(attempt, waiting.putOff(), e);
            }
        }
    }

    /** Since when one call has been waiting, whatever is answered to others meanwhile. */
    private final class Waiting {
        private boolean lost;
        private long lostNanos;
        private boolean putOff;
        private long putOffNanos;

        /** It was lost, now or before, by a server that has been away since {@code awaySinceNanos}. */
        long lost(long awaySinceNanos) {
            if (!lost) {
                lost = true;
                lostNanos = clock.nanoTime();
            }
            return lostNanos - awaySinceNanos < 0 ? lostNanos : awaySinceNanos;
        }

        /** The server has asked for patience, now or before. */
        long putOff() {
            if (!putOff) {
                putOff = true;
                putOffNanos = clock.nanoTime();
            }
            return putOffNanos;
        }
    }

    /** Asks once, without patience. Throws {@link NfsLostException} when there is no answer. */
    <T> T callOnce(Gate gate, Request<T> request) throws IOException {
        gate.check();
        return use(take(), gate, request, false, new boolean[1]);
    }

    /**
     * Asks the connection {@code number} and no other one; null when that is lost.
     *
     * @throws OsException what the server refuses it with
     */
    <T> @Nullable T callOn(long number, Gate gate, Request<T> request) throws IOException {
        Waiting waiting = new Waiting();
        for (int attempt = 0; ; attempt++) {
            try {
                gate.check();
                Link link = take(number);
                return link == null ? null : use(link, gate, request, false, new boolean[1]);
            } catch (GateClosedException e) {
                attempt--;
            } catch (NfsLostException e) {
                return null;
            } catch (OsException e) {
                if (e.errno() != Errno.EAGAIN) {
                    throw e;
                }
                pause(attempt, waiting.putOff(), e);
            }
        }
    }

    private <T> T use(Link link, Gate gate, Request<T> request, boolean again, boolean[] sent) throws IOException {
        long startNanos = clock.nanoTime();
        try {
            if (link.client == null) {
                connect(link);
            }
            // Whoever waited for a connection may have lost the right to write meanwhile.
            if (!gate.open()) {
                throw new GateClosedException();
            }
            sent[0] = true;
            T answer = request.with(link, again);
            answered();
            return answer;
        } catch (NfsLostException e) {
            forget(link);
            brokenOff();
            throw e;
        } catch (OsException e) {
            answered();
            if (e.errno() == Errno.ESTALE) {
                forget(link); // libnfs keeps the handle of the root, which may be another one by now.
                if (mayBeStarting()) {
                    throw new NfsLostException(String.valueOf(e.getMessage()));
                }
            }
            throw e;
        } catch (RuntimeException | Error e) {
            forget(link);
            throw e;
        } finally {
            took(clock.nanoTime() - startNanos);
            give(link);
        }
    }

    private void connect(Link link) throws IOException {
        NfsClient client;
        try {
            client = connector.connect();
        } catch (OsException e) {
            boolean refused = e.errno() == Errno.EACCES || e.errno() == Errno.EPERM || e.errno() == Errno.ENOENT;
            synchronized (this) {
                if (refused && everConnected) {
                    // A server that starts answers so until it has read its exports.
                    throw new NfsLostException(String.valueOf(e.getMessage()));
                }
            }
            throw e;
        }
        synchronized (this) {
            link.client = client;
            link.number = ++lastNumber;
            link.verifierKnown = false;
            everConnected = true;
        }
    }

    /** Notes a write verifier that came on {@code link}. */
    synchronized void learn(Link link, long verifier) {
        link.verifier = verifier;
        link.verifierKnown = true;
        if (link.number >= newestNumber) {
            newestNumber = link.number;
            newestVerifier = verifier;
        }
    }

    /** Whether the server that had this verifier on connection {@code number} has restarted: a later one has another. */
    synchronized boolean restartedSince(long number, long verifier) {
        return newestNumber > number && newestVerifier != verifier;
    }

    /** Whether answered or lost. Remembered for one settle time at least. */
    private synchronized void took(long nanos) {
        long now = clock.nanoTime();
        if (now - slowestSinceNanos > settings.settleTime().toNanos()) {
            slowestBeforeNanos = slowestNanos;
            slowestNanos = 0;
            slowestSinceNanos = now;
        }
        slowestNanos = Math.max(slowestNanos, nanos);
    }

    /**
     * How long the server has to answer before a request that was lost is not carried out any more: so many times what its
     * slowest answer has taken lately, within bounds. One that was lost in silence counts, so that a server which hangs gets
     * the longest.
     */
    synchronized long settleNanos() {
        long longest = settings.settleTime().toNanos();
        long slowest = Math.max(slowestNanos, slowestBeforeNanos);
        return Math.max(longest / SHORTEST_PART, Math.min(longest, slowest * SLOWER_AT_MOST));
    }

    /** The same, when a request that has just been lost took so long. */
    synchronized long settleNanosAfter(long tookNanos) {
        return Math.max(settleNanos(), Math.min(settings.settleTime().toNanos(), tookNanos * SLOWER_AT_MOST));
    }

    /** A predecessor knew that so much is needed. */
    synchronized void settlesIn(long nanos) {
        slowestNanos =
                Math.max(slowestNanos, Math.min(nanos, settings.settleTime().toNanos()) / SLOWER_AT_MOST);
    }

    /** When the server answered last. */
    synchronized long lastAnswerNanos() {
        return lastAnswerNanos;
    }

    private synchronized void answered() {
        lastAnswerNanos = clock.nanoTime();
        away = false;
    }

    private synchronized void brokenOff() {
        everLost = true;
        lastLostNanos = clock.nanoTime();
        lost();
    }

    private synchronized boolean mayBeStarting() {
        return everLost && clock.nanoTime() - lastLostNanos < STARTING.toNanos();
    }

    private synchronized void lost() {
        if (!away) {
            away = true;
            awaySinceNanos = clock.nanoTime();
        }
    }

    private synchronized long awaySince() {
        lost();
        return awaySinceNanos;
    }

    private synchronized void forget(Link link) {
        NfsClient client = link.client;
        link.client = null;
        link.number = 0;
        if (client != null) {
            client.close();
        }
    }

    /** Waits for an idle connection. */
    private synchronized Link take() throws IOException {
        while (true) {
            requireOpen();
            Link link = idle.pollLast();
            if (link != null) {
                return link;
            }
            waitForOthers();
        }
    }

    /** Waits until connection {@code number} is idle; null when it is no more. */
    private synchronized @Nullable Link take(long number) throws IOException {
        while (true) {
            requireOpen();
            Link wanted = null;
            for (Link link : all) {
                wanted = link.number == number ? link : wanted;
            }
            if (wanted == null || idle.remove(wanted)) {
                return wanted;
            }
            waitForOthers();
        }
    }

    private void requireOpen() throws IOException {
        if (closed) {
            throw new IOException(name + " is closed");
        }
    }

    private void waitForOthers() throws IOException {
        try {
            wait(1000);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** For tests: the next request takes another connection than the last one. */
    synchronized void rotate() {
        Link last = idle.pollLast();
        if (last != null) {
            idle.addFirst(last);
        }
    }

    private synchronized void give(Link link) {
        if (closed) {
            forget(link);
        }
        idle.add(link);
        notifyAll();
    }

    private void pause(int attempt, long sinceNanos, IOException why) throws IOException {
        long pauseNanos = Math.min(LONGEST_PAUSE.toNanos(), FIRST_PAUSE.toNanos() << Math.min(attempt, 10));
        if (clock.nanoTime() + pauseNanos - sinceNanos > settings.patience().toNanos()) {
            throw new ImageException(
                    ImageException.Kind.SUSPECT,
                    name + ": the NFS server has not done what it was asked for within "
                            + settings.patience().toSeconds() + " s; look at the server and the network, then detach "
                            + "and attach again (" + why.getMessage() + ")",
                    why);
        }
        try {
            clock.sleep(Duration.ofNanos(pauseNanos));
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        InterruptedIOException failure = new InterruptedIOException(name + ": interrupted");
        failure.initCause(e);
        return failure;
    }

    /** Connections in use are closed when they are given back. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Link link : idle) {
            forget(link);
        }
        notifyAll();
    }
}
