package org.tidemark.backup.target.local;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;

/** Says which kind of failure an I/O error is. Java gives the errno only as words. */
final class FileErrors {
    private FileErrors() {}

    static TargetException of(String doing, IOException e) {
        if (e instanceof TargetException already) {
            return already;
        }
        Kind kind = kindOf(e);
        String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new TargetException(kind, doing + ": " + advice(kind) + " (" + reason + ")", e);
    }

    private static Kind kindOf(IOException e) {
        if (e instanceof AccessDeniedException) {
            return Kind.DENIED;
        }
        if (e instanceof FileAlreadyExistsException) {
            return Kind.CONFLICT;
        }
        if (e instanceof NoSuchFileException) {
            return Kind.NOT_FOUND;
        }
        String words = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (words.contains("no space left") || words.contains("quota exceeded") || words.contains("file too large")) {
            return Kind.FULL;
        }
        if (words.contains("read-only file system")
                || words.contains("not permitted")
                || words.contains("permission denied")) {
            return Kind.DENIED;
        }
        if (words.contains("stale") || words.contains("not connected") || words.contains("no such device")) {
            return Kind.UNREACHABLE;
        }
        return Kind.RETRYABLE;
    }

    private static String advice(Kind kind) {
        return switch (kind) {
            case FULL -> "no room left; make room on the target";
            case DENIED -> "not permitted; check owner, mode and mount options";
            case NOT_FOUND -> "there is no such file";
            case CONFLICT -> "it exists already";
            case UNREACHABLE -> "the file system is not reachable; check the mount";
            case RETRYABLE, CORRUPT -> "input or output error; try again, then check the disk";
        };
    }
}
