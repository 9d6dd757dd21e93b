package org.tidemark.backup.target;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A target could not do what it was asked. The message names what, where and what to do; the kind says what the caller
 * may do.
 */
public final class TargetException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** Try again, later: nothing says that it will fail again. */
        RETRYABLE,
        /** There is no such blob, and the target is certain that it is itself. */
        NOT_FOUND,
        /** The key exists already. */
        CONFLICT,
        /** Not permitted; a person has to change something. */
        DENIED,
        /** No room; a person has to make some. */
        FULL,
        /** What came back is not what was stored. Never retried in hope. */
        CORRUPT,
        /** The target is not there, or is not the one it was. Says nothing about what it holds. */
        UNREACHABLE
    }

    private final Kind kind;

    public TargetException(Kind kind, String message) {
        this(kind, message, null);
    }

    public TargetException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
