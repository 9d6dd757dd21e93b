package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsLostException;

/** A command was refused or failed. The message is a sentence for the user. */
public final class ControlException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** The request makes no sense: a field is missing or wrong. */
        USAGE,
        /** This server does not know the command. */
        UNKNOWN_COMMAND,
        /** The two sides have no protocol version in common. */
        PROTOCOL,
        NOT_FOUND,
        /** In use, or not possible now; may be tried again. */
        BUSY,
        NOT_PERMITTED,
        /** The data is damaged. */
        DAMAGED,
        /** Another machine that holds the image does not answer. */
        UNREACHABLE,
        /** No answer in time; whether the command was carried out is not known. */
        TIME_OUT,
        /** The server cannot be reached, or went away before it answered. */
        DISCONNECTED,
        FAILED
    }

    private final Kind kind;

    public ControlException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public ControlException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    /** Gives any failure its kind. */
    static ControlException of(Throwable failure) {
        if (failure instanceof ControlException control) {
            return control;
        }
        String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return new ControlException(kindOf(failure), message, failure);
    }

    private static Kind kindOf(Throwable failure) {
        if (failure instanceof NfsLostException || failure.getCause() instanceof NfsLostException) {
            return Kind.UNREACHABLE;
        }
        if (failure instanceof ImageException image) {
            return switch (image.kind()) {
                case IN_USE, NOT_CLOSED -> Kind.BUSY;
                case DAMAGED, NOT_AN_IMAGE, SUSPECT -> Kind.DAMAGED;
                case INVALID_REQUEST -> Kind.USAGE;
                case READ_ONLY -> Kind.NOT_PERMITTED;
                case UNSUPPORTED -> Kind.FAILED;
            };
        }
        if (failure instanceof OsException os) {
            return switch (os.errno()) {
                case Errno.EBUSY, Errno.ETIMEDOUT, Errno.EAGAIN -> Kind.BUSY;
                case Errno.ENOENT -> Kind.NOT_FOUND;
                case Errno.EACCES, Errno.EPERM, Errno.EROFS -> Kind.NOT_PERMITTED;
                default -> Kind.FAILED;
            };
        }
        if (failure instanceof NoSuchFileException) {
            return Kind.NOT_FOUND;
        }
        if (failure instanceof AccessDeniedException) {
            return Kind.NOT_PERMITTED;
        }
        return failure instanceof IllegalArgumentException ? Kind.USAGE : Kind.FAILED;
    }
}
