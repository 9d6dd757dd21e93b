package org.tidemark.appliance.service.export;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.attach.nbd.NbdClient;

/**
 * The connections of one {@link RemoteDevice}, which are kept when they are not in use. The meta contexts of a connection stay what
 * they were at its start, so each is for requests that ask for the same. Safe for many threads.
 */
final class RemoteConnections {
    private final RemoteDevice.Source source;
    private final int most;
    /** The one used last is first; guarded by this, as the next two. */
    private final ArrayDeque<Idle> idle = new ArrayDeque<>();

    private int open;
    private boolean closed;

    private record Idle(NbdClient client, List<String> contexts) {}

    /** {@code most} is larger than the number of requests at once. */
    RemoteConnections(RemoteDevice.Source source, int most) {
        this.source = source;
        this.most = most;
    }

    /** One for the caller alone, who gives it back or discards it. */
    NbdClient take(List<String> contexts) throws IOException {
        NbdClient surplus;
        synchronized (this) {
            for (Iterator<Idle> each = idle.iterator(); each.hasNext(); ) {
                Idle one = each.next();
                if (one.contexts().equals(contexts)) {
                    each.remove();
                    return one.client();
                }
            }
            surplus = open < most ? null : idle.removeLast().client();
            open += surplus == null ? 1 : 0;
        }
        boolean done = false;
        try {
            closeQuietly(surplus);
            NbdClient fresh = source.connect(contexts);
            done = true;
            return fresh;
        } finally {
            if (!done) {
                forget();
            }
        }
    }

    private synchronized void forget() {
        open--;
    }

    void giveBack(NbdClient client, List<String> contexts) {
        boolean late;
        synchronized (this) {
            late = closed;
            if (!late) {
                idle.addFirst(new Idle(client, contexts));
            }
        }
        if (late) {
            forget();
            closeQuietly(client);
        }
    }

    /** One that was taken is of no use any more; what broke it has broken those that are not in use too. */
    void discard(NbdClient client) {
        forget();
        closeQuietly(client);
        closeIdle();
    }

    private void closeIdle() {
        List<Idle> all;
        synchronized (this) {
            all = List.copyOf(idle);
            idle.clear();
            open -= all.size();
        }
        all.forEach(one -> closeQuietly(one.client()));
    }

    private static void closeQuietly(@Nullable NbdClient client) {
        try {
            if (client != null) {
                client.close();
            }
        } catch (IOException e) {
            System.getLogger(RemoteConnections.class.getName()).log(System.Logger.Level.DEBUG, "closing", e);
        }
    }

    /** What is in use ends when it is given back. */
    void close() {
        synchronized (this) {
            closed = true;
        }
        closeIdle();
    }
}
