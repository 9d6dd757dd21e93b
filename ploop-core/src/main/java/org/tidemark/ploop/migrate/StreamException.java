package org.tidemark.ploop.migrate;

import java.io.IOException;

/** A stream is not what it should be, or ended before its end. The message says what and where, and what became of the copy. */
public final class StreamException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** It ended, or broke: sending once more may help. */
        CUT,
        /** What came is no such stream, or contradicts itself. */
        DAMAGED,
        /** The other side said that it failed. */
        REFUSED
    }

    private final Kind kind;

    public StreamException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public StreamException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
