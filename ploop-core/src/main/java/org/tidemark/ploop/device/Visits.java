package org.tidemark.ploop.device;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tells when everybody has left who may have seen what was there earlier. Visitors are counted in two rooms by turns; when
 * the turn has come to the other room, the first one empties.
 *
 * <p>Entering and leaving never waits and allocates nothing.
 */
final class Visits {
    private final AtomicInteger even = new AtomicInteger();
    private final AtomicInteger odd = new AtomicInteger();
    private volatile int turn;

    private AtomicInteger room(int turnNumber) {
        return (turnNumber & 1) == 0 ? even : odd;
    }

    /** Returns what {@link #leave} wants. */
    int enter() {
        while (true) {
            int now = turn;
            room(now).incrementAndGet();
            if (turn == now) {
                return now;
            }
            // The turn went on meanwhile: whoever waits for this room to empty may have looked already.
            room(now).decrementAndGet();
        }
    }

    void leave(int visit) {
        room(visit).decrementAndGet();
    }

    /**
     * Sends those who enter from now on into the other room. Only when that is known to be empty, and by one thread at a
     * time.
     *
     * @return what to ask {@link #haveLeft} for
     */
    int next() {
        int now = turn;
        turn = now + 1;
        return now;
    }

    /** Whether everybody has left who entered before that turn ended. */
    boolean haveLeft(int ended) {
        return room(ended).get() == 0;
    }
}
