package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;

/**
 * A snapshot of an attached image that only waits for its instant: the new, empty top is there, durable, locked and marked
 * in use; nothing names it yet. Used by one thread, and closed.
 */
public final class PreparedSnapshot implements Closeable {
    private final String guid;
    private final Closeable tree;
    private final Taking taking;
    private boolean taken;
    private boolean over;

    /** How an image of one kind or another does it. */
    interface Taking {
        /** The instant. When it throws there is no snapshot. */
        void take(long timeoutNanos) throws IOException;

        /** Afterwards, whether it was taken or not. */
        void tidy(boolean taken) throws IOException;
    }

    /** @param tree the lock of the tree, which belongs to the preparation */
    PreparedSnapshot(String guid, Closeable tree, Taking taking) {
        this.guid = guid;
        this.tree = tree;
        this.taking = taking;
    }

    /** The name that the snapshot will have. */
    public String guid() {
        return guid;
    }

    /**
     * The instant: what the disk holds now is the snapshot. Writes wait for the time of a flush, two changes of a header and a
     * rename. Returns the snapshot's name; it is durable then. When it throws there is no snapshot.
     *
     * @param timeoutNanos how long requests under way may take to end
     */
    public String take(long timeoutNanos) throws IOException {
        if (taken || over) {
            throw new IllegalStateException("the snapshot " + guid + " was taken or given up");
        }
        taking.take(timeoutNanos);
        taken = true;
        return guid;
    }

    /** Tidies up; a snapshot that was not taken leaves nothing. */
    @Override
    public void close() throws IOException {
        if (over) {
            return;
        }
        over = true;
        try (tree) {
            taking.tidy(taken);
        }
    }
}
