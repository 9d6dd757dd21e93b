package org.tidemark.appliance.cli;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import org.tidemark.backup.engine.EngineException;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.target.TargetException;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.server.ControlException;

/** What a command's end means to a script. */
final class ExitCodes {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NOT_FOUND = 3;
    static final int BUSY = 4;
    static final int DAMAGED = 5;
    static final int NOT_PERMITTED = 6;
    static final int UNREACHABLE = 7;

    private ExitCodes() {}

    static int of(Throwable failure) {
        if (failure instanceof ImageException image) {
            return switch (image.kind()) {
                case NOT_AN_IMAGE, DAMAGED, SUSPECT -> DAMAGED;
                case IN_USE, NOT_CLOSED -> BUSY;
                case READ_ONLY -> NOT_PERMITTED;
                case INVALID_REQUEST -> USAGE;
                case UNSUPPORTED -> FAILED;
            };
        }
        if (failure instanceof RepositoryException repository) {
            return switch (repository.kind()) {
                case DAMAGED -> DAMAGED;
                case NOT_FOUND, NOT_A_REPOSITORY -> NOT_FOUND;
                case EXISTS, CONFLICT, OTHER_REPOSITORY -> BUSY;
                case AMBIGUOUS -> USAGE;
                case UNSUPPORTED -> FAILED;
            };
        }
        if (failure instanceof TargetException target) {
            return switch (target.kind()) {
                case UNREACHABLE -> UNREACHABLE;
                case DENIED -> NOT_PERMITTED;
                case NOT_FOUND -> NOT_FOUND;
                case CONFLICT -> BUSY;
                case CORRUPT -> DAMAGED;
                case FULL, RETRYABLE -> FAILED;
            };
        }
        if (failure instanceof ControlException control) {
            return switch (control.kind()) {
                case USAGE -> USAGE;
                case NOT_FOUND -> NOT_FOUND;
                case BUSY -> BUSY;
                case NOT_PERMITTED -> NOT_PERMITTED;
                case DAMAGED -> DAMAGED;
                case UNKNOWN_COMMAND, PROTOCOL, TIME_OUT, DISCONNECTED, FAILED -> FAILED;
            };
        }
        return ofPlain(failure);
    }

    private static int ofPlain(Throwable failure) {
        if (failure instanceof OsException os) {
            return switch (os.errno()) {
                case Errno.ENOENT -> NOT_FOUND;
                case Errno.EBUSY, Errno.EEXIST -> BUSY;
                case Errno.EPERM, Errno.EACCES, Errno.EROFS -> NOT_PERMITTED;
                default -> FAILED;
            };
        }
        if (failure instanceof NoSuchFileException) {
            return NOT_FOUND;
        }
        if (failure instanceof FileAlreadyExistsException) {
            return BUSY;
        }
        if (failure instanceof AccessDeniedException) {
            return NOT_PERMITTED;
        }
        if (failure instanceof EngineException && failure.getCause() != null) {
            return Math.max(FAILED, of(failure.getCause()));
        }
        return failure instanceof IllegalArgumentException ? USAGE : FAILED;
    }
}
