package org.tidemark.backup.target;

import java.io.InterruptedIOException;

/** Says when bytes may go over a link. Safe for many threads. */
@FunctionalInterface
public interface LinkPace {
    /** A turn: callers ask for at most so many bytes at once, so that no one holds the link for long. */
    int TURN_BYTES = 64 << 10;

    /** No limit, and no cost. */
    LinkPace NONE = bytes -> {};

    /**
     * Returns when {@code bytes}, at most {@link #TURN_BYTES}, may be sent.
     *
     * @throws InterruptedIOException when the waiting thread was interrupted
     */
    void await(int bytes) throws InterruptedIOException;
}
