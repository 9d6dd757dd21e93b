package org.tidemark.ploop.io;

import java.io.IOException;
import org.tidemark.ploop.os.OsException;

/**
 * Something that a change needs to know cannot be read: this one change is impossible, and nothing was written for it. Says nothing
 * about whether the disk takes writes.
 */
public final class UnreadableException extends IOException {
    private static final long serialVersionUID = 1L;
    private final OsException reason;

    public UnreadableException(OsException cause) {
        super(cause.getMessage(), cause);
        this.reason = cause;
    }

    /** What the read failed with. */
    public OsException reason() {
        return reason;
    }
}
