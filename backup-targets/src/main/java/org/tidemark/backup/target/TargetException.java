package org.tidemark.backup.target;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
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
    private final boolean passing;
    private final @Nullable Duration retryAfter;

    public TargetException(Kind kind, String message) {
        this(kind, message, null);
    }

    public TargetException(Kind kind, String message, @Nullable Throwable cause) {
        this(kind, message, cause, kind == Kind.RETRYABLE, null);
    }

    private TargetException(
            Kind kind, String message, @Nullable Throwable cause, boolean passing, @Nullable Duration retryAfter) {
        super(message, cause);
        this.kind = kind;
        this.passing = passing;
        this.retryAfter = retryAfter;
    }

    /**
     * A failure that may pass by itself within minutes, such as a server that restarts.
     *
     * @param retryAfter how long the target asked to be left alone; null when it said nothing
     */
    public static TargetException passing(
            Kind kind, String message, @Nullable Throwable cause, @Nullable Duration retryAfter) {
        return new TargetException(kind, message, cause, true, retryAfter);
    }

    public Kind kind() {
        return kind;
    }

    /** Whether the same call may well succeed a little later. Every RETRYABLE one may. */
    public boolean mayPass() {
        return passing;
    }

    /** How long the target asked to be left alone. */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
