package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.format.Delta;

/**
 * A snapshot of an attached image that only waits for its instant: the new, empty top is there, durable, locked and marked
 * in use; nothing names it yet. Used by one thread, and closed.
 */
public final class PreparedSnapshot implements Closeable {
    private final AttachedChain chain;
    private final Closeable tree;
    private final DiskDescriptor changed;
    private final String guid;
    private final Image newTop;
    private final Delta top;
    private final MovableCursor cursor;
    private boolean taken;
    private boolean over;

    PreparedSnapshot(
            AttachedChain chain,
            Closeable tree,
            DiskDescriptor changed,
            String guid,
            Image newTop,
            Delta top,
            MovableCursor cursor) {
        this.chain = chain;
        this.tree = tree;
        this.changed = changed;
        this.guid = guid;
        this.newTop = newTop;
        this.top = top;
        this.cursor = cursor;
    }

    DiskDescriptor changed() {
        return changed;
    }

    Image newTop() {
        return newTop;
    }

    Delta top() {
        return top;
    }

    MovableCursor cursor() {
        return cursor;
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
        chain.take(this, timeoutNanos);
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
            chain.tidy(this, taken);
        }
    }
}
