package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.io.nfs.NfsConnections.Link;
import org.tidemark.ploop.io.nfs.NfsConnections.Request;
import org.tidemark.ploop.os.OsException;

/**
 * Changes of names. A change whose answer was lost may be carried out a second time, late; whatever is done to the same
 * names waits until it cannot be any more. That there is one is in the kept memory, so that a successor waits too; of which
 * names is not, so it waits before it does anything.
 *
 * <pre>
 * byte 0                    8
 *      how many may be late settle time in ns
 * </pre>
 */
final class NfsNames {
    /** Of the kept memory. */
    static final String REGION = "nfs.names";

    private static final int REGION_BYTES = 4096;
    private static final int AT_SETTLES = 8;
    private static final Duration LOOK = Duration.ofMillis(100);

    private final NfsConnections connections;
    private final NfsClock clock;
    private final KeptMemory memory;

    /** Guarded by this. The last change of each name that was lost. */
    private final Map<String, Lost> lost = new HashMap<>();

    /** Guarded by this. */
    private int underWay;

    private static final class Lost {
        final long link;
        final long verifier;
        final boolean verifierKnown;
        final long sinceNanos;
        boolean answered;
        long answeredNanos;

        Lost(Link link, long number, long sinceNanos) {
            this.link = number;
            this.verifier = link.verifier();
            this.verifierKnown = link.verifierKnown();
            this.sinceNanos = sinceNanos;
        }
    }

    NfsNames(NfsConnections connections, NfsClock clock, KeptMemory memory) {
        this.connections = connections;
        this.clock = clock;
        this.memory = memory;
    }

    /** Waits until nothing that a predecessor has sent is carried out any more. The server has answered already. */
    void awaitPredecessor() throws IOException {
        if (!memory.exists(REGION)) {
            return;
        }
        AlignedBuffer kept = memory.region(REGION, REGION_BYTES);
        if (kept.getLong(0) > 0) {
            connections.settlesIn(kept.getLong(AT_SETTLES));
            sleep(Duration.ofNanos(connections.settleNanos()), "a change of names");
            kept.putLong(0, 0);
        }
    }

    /** Before anything is sent, and when it has been answered. */
    private synchronized void underWay(int more) throws IOException {
        underWay += more;
        lost.values().removeIf(this::settled);
        AlignedBuffer kept = memory.region(REGION, REGION_BYTES);
        kept.putLong(AT_SETTLES, connections.settleNanos());
        kept.putLong(0, underWay + lost.size());
        VarHandle.fullFence();
    }

    private void sleep(Duration pause, String what) throws IOException {
        try {
            clock.sleep(pause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(what + ": interrupted");
        }
    }

    /** Does {@code request}, which changes {@code paths}, until it is answered. */
    <T> T change(Gate gate, List<String> paths, Request<T> request) throws IOException {
        for (String path : paths) {
            awaitSettled(path);
        }
        underWay(1);
        try {
            return connections.call(gate, (link, again) -> once(link, again, paths, request));
        } finally {
            underWay(-1);
        }
    }

    private <T> T once(Link link, boolean again, List<String> paths, Request<T> request) throws IOException {
        long number = link.number();
        long startNanos = clock.nanoTime();
        boolean answered = false;
        try {
            T answer = request.with(link, again);
            answered = true;
            return answer;
        } catch (OsException e) {
            answered = true;
            throw e;
        } finally {
            if (!answered) {
                Lost one = new Lost(link, number, clock.nanoTime());
                synchronized (this) {
                    paths.forEach(path -> lost.put(path, one));
                    memory.region(REGION, REGION_BYTES)
                            .putLong(AT_SETTLES, connections.settleNanosAfter(clock.nanoTime() - startNanos));
                }
            }
        }
    }

    private void awaitSettled(String path) throws IOException {
        while (true) {
            boolean answered;
            synchronized (this) {
                Lost one = lost.get(path);
                if (one == null) {
                    return;
                }
                if (settled(one)) {
                    lost.remove(path);
                    return;
                }
                answered = one.answered;
            }
            if (!answered) {
                connections.call(Gate.OPEN, (link, again) -> link.client().attributes("/"));
            }
            sleep(LOOK, path);
        }
    }

    private boolean settled(Lost one) {
        if (one.verifierKnown && connections.restartedSince(one.link, one.verifier)) {
            return true;
        }
        if (!one.answered && connections.lastAnswerNanos() - one.sinceNanos > 0) {
            one.answered = true;
            one.answeredNanos = connections.lastAnswerNanos();
        }
        return one.answered && clock.nanoTime() - one.answeredNanos - connections.settleNanos() >= 0;
    }
}
