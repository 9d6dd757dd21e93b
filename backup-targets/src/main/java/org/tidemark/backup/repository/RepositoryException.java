package org.tidemark.backup.repository;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What a repository holds, or lacks, does not allow what was asked. Failures to reach it are {@code TargetException}s.
 */
public final class RepositoryException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** The target holds no repository. */
        NOT_A_REPOSITORY,
        /** The target holds another repository than the one expected. */
        OTHER_REPOSITORY,
        /** The target holds a repository already. */
        EXISTS,
        /** Written by a newer version: a feature or version that this one does not know. */
        UNSUPPORTED,
        /** Something stored is not what was written, or is gone. Trying again does not help. */
        DAMAGED,
        /** No such container, point or image. */
        NOT_FOUND,
        /** The selector fits several points. */
        AMBIGUOUS,
        /** Another session committed first. Nothing of either is lost; begin again. */
        CONFLICT,
        /** Two places that should hold the same hold different records. A person has to decide which one counts. */
        DIVERGED
    }

    private final Kind kind;

    public RepositoryException(Kind kind, String message) {
        this(kind, message, null);
    }

    public RepositoryException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public static RepositoryException damaged(String message) {
        return new RepositoryException(Kind.DAMAGED, message);
    }

    public static RepositoryException damaged(String message, Throwable cause) {
        return new RepositoryException(Kind.DAMAGED, message, cause);
    }

    public static RepositoryException unsupported(String message) {
        return new RepositoryException(Kind.UNSUPPORTED, message);
    }

    public Kind kind() {
        return kind;
    }
}
