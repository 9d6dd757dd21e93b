package org.tidemark.appliance.failure;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import org.tidemark.backup.engine.EngineException;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.target.TargetException;
import org.tidemark.ploop.chain.ChainCancelledException;
import org.tidemark.ploop.filesystem.OnlineGrowthRefusedException;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.migrate.StreamException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsLostException;
import org.tidemark.ploop.server.ControlException;

/** What kind of failure something is: {@link #exitCode} for a script, {@link #code} and {@link #status} for the API. */
public enum FailureKind {
    FAILED(1, 500, "Failed"),
    USAGE(2, 400, "Makes no sense"),
    NOT_FOUND(3, 404, "Not found"),
    CONFLICT(4, 409, "Busy or in conflict"),
    DAMAGED(5, 422, "Damaged data"),
    NOT_PERMITTED(6, 403, "Not permitted"),
    UNREACHABLE(7, 502, "Target not reachable"),
    NOT_AUTHENTICATED(6, 401, "Not signed in"),
    UNSUPPORTED(1, 422, "Not supported"),
    TOO_LARGE(2, 413, "Too large"),
    TOO_MANY_REQUESTS(4, 429, "Too many requests"),
    UNAVAILABLE(1, 503, "Not available now"),
    CANCELLED(1, 409, "Cancelled");

    private final int exitCode;
    private final int status;
    private final String title;

    FailureKind(int exitCode, int status, String title) {
        this.exitCode = exitCode;
        this.status = status;
        this.title = title;
    }

    /** What a command ends with. */
    public int exitCode() {
        return exitCode;
    }

    /** HTTP status. */
    public int status() {
        return status;
    }

    public String title() {
        return title;
    }

    /** The kind as problems name it, for instance {@code not-found}. */
    public String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The kind that {@link #code} names; FAILED for words of a newer version. */
    public static FailureKind ofCode(String code) {
        for (FailureKind kind : values()) {
            if (kind.code().equals(code)) {
                return kind;
            }
        }
        return FAILED;
    }

    /** The kind of any failure that a use case ends with. */
    public static FailureKind of(Throwable failure) {
        if (failure instanceof ApplianceException ours) {
            return ours.kind();
        }
        if (failure instanceof NfsLostException || failure.getCause() instanceof NfsLostException) {
            return UNREACHABLE;
        }
        if (failure instanceof ImageException image) {
            return switch (image.kind()) {
                case NOT_AN_IMAGE, DAMAGED, SUSPECT -> DAMAGED;
                case IN_USE, NOT_CLOSED -> CONFLICT;
                case READ_ONLY -> NOT_PERMITTED;
                case INVALID_REQUEST -> USAGE;
                case UNSUPPORTED -> UNSUPPORTED;
            };
        }
        if (failure instanceof ChainCancelledException) {
            return CANCELLED;
        }
        if (failure instanceof StreamException stream) {
            return switch (stream.kind()) {
                case CUT -> UNREACHABLE;
                case DAMAGED -> DAMAGED;
                case REFUSED -> FAILED;
            };
        }
        if (failure instanceof RepositoryException repository) {
            return switch (repository.kind()) {
                case DAMAGED -> DAMAGED;
                case NOT_FOUND, NOT_A_REPOSITORY -> NOT_FOUND;
                case EXISTS, CONFLICT, OTHER_REPOSITORY, DIVERGED -> CONFLICT;
                case AMBIGUOUS -> USAGE;
                case UNSUPPORTED -> UNSUPPORTED;
            };
        }
        if (failure instanceof TargetException target) {
            return switch (target.kind()) {
                case UNREACHABLE -> UNREACHABLE;
                case DENIED -> NOT_PERMITTED;
                case NOT_FOUND -> NOT_FOUND;
                case CONFLICT -> CONFLICT;
                case CORRUPT -> DAMAGED;
                case FULL, RETRYABLE -> FAILED;
            };
        }
        if (failure instanceof ControlException control) {
            return switch (control.kind()) {
                case USAGE -> USAGE;
                case NOT_FOUND -> NOT_FOUND;
                case BUSY -> CONFLICT;
                case NOT_PERMITTED -> NOT_PERMITTED;
                case DAMAGED -> DAMAGED;
                case UNREACHABLE -> UNREACHABLE;
                case UNKNOWN_COMMAND, PROTOCOL, TIME_OUT, DISCONNECTED, FAILED -> FAILED;
            };
        }
        return ofPlain(failure);
    }

    private static FailureKind ofPlain(Throwable failure) {
        if (failure instanceof OsException os) {
            return switch (os.errno()) {
                case Errno.ENOENT -> NOT_FOUND;
                case Errno.EBUSY, Errno.EEXIST -> CONFLICT;
                case Errno.EPERM, Errno.EACCES, Errno.EROFS -> NOT_PERMITTED;
                default -> FAILED;
            };
        }
        if (failure instanceof OnlineGrowthRefusedException) {
            return NOT_PERMITTED;
        }
        if (failure instanceof NoSuchFileException) {
            return NOT_FOUND;
        }
        if (failure instanceof FileAlreadyExistsException) {
            return CONFLICT;
        }
        if (failure instanceof AccessDeniedException) {
            return NOT_PERMITTED;
        }
        if (failure instanceof EngineException engine) {
            if (engine.kind() == EngineException.Kind.CANCELLED) {
                return CANCELLED;
            }
            return engine.getCause() == null ? FAILED : of(engine.getCause());
        }
        return failure instanceof IllegalArgumentException ? USAGE : FAILED;
    }

    /** One sentence for a person; some exceptions of the JDK carry nothing but a file name. */
    public static String words(Throwable failure) {
        String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        if (message.indexOf(' ') >= 0) {
            return message;
        }
        ControlException.Kind kind = failure instanceof ControlException control ? control.kind() : null;
        if (failure instanceof NoSuchFileException || kind == ControlException.Kind.NOT_FOUND) {
            return message + ": there is no such file or folder";
        }
        if (failure instanceof AccessDeniedException || kind == ControlException.Kind.NOT_PERMITTED) {
            return message + ": permission denied";
        }
        if (failure instanceof FileAlreadyExistsException) {
            return message + ": exists already";
        }
        return failure.getClass().getSimpleName() + ": " + message;
    }
}
