package org.tidemark.ploop.io.nfs;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ranges of one file for which a request was sent on a connection that then broke. The server may carry it out late, after
 * newer data were written to the same bytes: therefore nothing newer is sent until it cannot happen any more. That is
 * known when the server has restarted since, or when it has answered again for the settle time.
 *
 * <p>Not synchronised: {@link NfsFile} guards it.
 */
final class Doubts {
    private final NfsConnections connections;
    private final List<Doubt> open = new ArrayList<>();
    private @Nullable UncommittedLog keeper;

    /** One of them. */
    static final class Doubt {
        final long from;
        final long to;
        final long link;
        final long verifier;
        final boolean verifierKnown;
        long sinceNanos;
        final @Nullable ByteBuffer content;
        boolean answered;
        long answeredNanos;
        /** Where the log keeps it for a successor. */
        int slot;

        Doubt(
                long from,
                long to,
                long link,
                long verifier,
                boolean verifierKnown,
                long sinceNanos,
                @Nullable ByteBuffer content) {
            this.from = from;
            this.to = to;
            this.link = link;
            this.verifier = verifier;
            this.verifierKnown = verifierKnown;
            this.sinceNanos = sinceNanos;
            this.content = content;
        }
    }

    Doubts(NfsConnections connections) {
        this.connections = connections;
    }

    /**
     * A request for the range was lost, or is about to be sent: then {@link #answered} or {@link #lost} follows, unless this
     * process dies.
     *
     * @param link the connection it was sent on, 0: of a process that is gone
     * @param content what it would write, when the very same may be sent again; else null
     */
    Doubt add(
            long from,
            long to,
            long link,
            long verifier,
            boolean verifierKnown,
            long nowNanos,
            @Nullable ByteBuffer content,
            UncommittedLog log) {
        keeper = log;
        Doubt doubt = new Doubt(from, to, link, verifier, verifierKnown, nowNanos, content);
        doubt.slot = log.keepDoubt(from, to, verifier, verifierKnown);
        open.add(doubt);
        if (doubt.slot < 0) {
            join(log, nowNanos);
        }
        return doubt;
    }

    /** The request was carried out, once. */
    void answered(Doubt doubt) {
        if (open.remove(doubt) && keeper != null) {
            keeper.dropDoubt(doubt.slot);
        }
    }

    /** The request was lost at this moment. */
    void lost(Doubt doubt, long nowNanos) {
        doubt.sinceNanos = nowNanos;
        doubt.answered = false;
        for (Doubt other : open) {
            if (other != doubt && other.from <= doubt.from && doubt.to <= other.to && !other.verifierKnown) {
                other.sinceNanos = nowNanos; // The one that stands for many.
                other.answered = false;
            }
        }
    }

    /** There are more than can be kept: one takes the place of all. */
    private void join(UncommittedLog log, long nowNanos) {
        long from = Long.MAX_VALUE;
        long to = 0;
        for (Doubt doubt : open) {
            from = Math.min(from, doubt.from);
            to = Math.max(to, doubt.to);
        }
        Doubt all = new Doubt(from, to, 0, 0, false, nowNanos, null);
        // The last place is never given away otherwise, so that at every moment the ring tells of each of them.
        all.slot = log.keepLastDoubt(from, to);
        for (Doubt doubt : open) {
            if (doubt.slot != all.slot) {
                log.dropDoubt(doubt.slot);
            }
        }
        open.clear();
        open.add(all);
    }

    /** What a predecessor left. */
    void load(UncommittedLog log, long nowNanos) {
        keeper = log;
        log.doubts((slot, from, to, verifier, verifierKnown) -> {
            Doubt doubt = new Doubt(from, to, 0, verifier, verifierKnown, nowNanos, null);
            doubt.slot = slot;
            open.add(doubt);
        });
    }

    /** For how long nothing may be written to the range; 0: now it may, -1: nobody knows until the server answers. */
    long waitNanos(long from, long to, long nowNanos, @Nullable ByteBuffer content) {
        if (open.isEmpty()) {
            return 0;
        }
        long wait = 0;
        for (Iterator<Doubt> all = open.iterator(); all.hasNext(); ) {
            Doubt doubt = all.next();
            if (settled(doubt, nowNanos)) {
                all.remove();
                if (keeper != null) {
                    keeper.dropDoubt(doubt.slot);
                }
                continue;
            }
            boolean apart = doubt.to <= from || to <= doubt.from;
            if (apart || isTheSame(doubt, from, to, content)) {
                continue;
            }
            wait = !doubt.answered || wait < 0
                    ? -1
                    : Math.max(wait, doubt.answeredNanos + connections.settleNanos() - nowNanos);
        }
        return wait;
    }

    private static boolean isTheSame(Doubt doubt, long from, long to, @Nullable ByteBuffer content) {
        return doubt.content != null
                && content != null
                && doubt.from == from
                && doubt.to == to
                && doubt.content.mismatch(content) < 0;
    }

    private boolean settled(Doubt doubt, long nowNanos) {
        if (doubt.verifierKnown && connections.restartedSince(doubt.link, doubt.verifier)) {
            return true;
        }
        if (!doubt.answered && connections.lastAnswerNanos() - doubt.sinceNanos > 0) {
            doubt.answered = true;
            doubt.answeredNanos = connections.lastAnswerNanos();
        }
        return doubt.answered && nowNanos - doubt.answeredNanos - connections.settleNanos() >= 0;
    }
}
