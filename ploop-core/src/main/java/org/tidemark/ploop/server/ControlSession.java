package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;

/** One client's connection. What a command opens for as long as its client lives is tied to it. */
public final class ControlSession {
    private static final Logger LOG = System.getLogger(ControlSession.class.getName());

    private final Deque<Closeable> owned = new ArrayDeque<>();
    private boolean ended;

    ControlSession() {}

    /** Closes {@code resource} when the client goes away, the last one first; at once when it has gone already. */
    public void own(Closeable resource) {
        synchronized (owned) {
            if (!ended) {
                owned.push(resource);
                return;
            }
        }
        close(resource);
    }

    /** The resource was closed by other means. */
    public void disown(Closeable resource) {
        synchronized (owned) {
            owned.remove(resource);
        }
    }

    void end() {
        while (true) {
            Closeable next;
            synchronized (owned) {
                ended = true;
                next = owned.poll();
            }
            if (next == null) {
                return;
            }
            close(next);
        }
    }

    private static void close(Closeable resource) {
        try {
            resource.close();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.WARNING, "closing what a client left open", e);
        }
    }
}
