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
    private static final String READ_ONLY = "read-only file system";
    private static final String TOO_LONG = "file name too long";
    private static final String STALE = "stale";

    private FileErrors() {}

    static TargetException of(String doing, IOException e) {
        if (e instanceof TargetException already) {
            return already;
        }
        Kind kind = kindOf(e);
        String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new TargetException(kind, doing + ": " + advice(kind, wordsOf(e)) + " (" + reason + ")", e);
    }

    private static String wordsOf(IOException e) {
        return String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
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
        String words = wordsOf(e);
        if (words.contains("no space left") || words.contains("quota exceeded") || words.contains("file too large")) {
            return Kind.FULL;
        }
        if (words.contains(READ_ONLY)
                || words.contains(TOO_LONG)
                || words.contains("not permitted")
                || words.contains("permission denied")) {
            return Kind.DENIED;
        }
        if (words.contains(STALE) || words.contains("not connected") || words.contains("no such device")) {
            return Kind.UNREACHABLE;
        }
        return Kind.RETRYABLE;
    }

    private static String advice(Kind kind, String words) {
        return switch (kind) {
            case FULL -> "no room left; make room on the target";
            case DENIED -> {
                if (words.contains(READ_ONLY)) {
                    yield "the file system is read-only; mount it rw, and look at why it was made so; a server has to export it rw";
                }
                yield words.contains(TOO_LONG)
                        ? "a name is too long for the file system; choose a shorter folder"
                        : "not permitted; check owner, mode and mount options. On NFS the server probably lets root be nobody "
                                + "(root_squash): export it with no_root_squash, or give its address, nfs://..., with ?uid=N&gid=N";
            }
            case NOT_FOUND -> "there is no such file";
            case CONFLICT -> "it exists already";
            case UNREACHABLE ->
                words.contains(STALE)
                        ? "the folder is not the one that was mounted (stale handle); mount it again, and check what the server "
                                + "exports"
                        : "the file system is not reachable; check the mount";
            case RETRYABLE, CORRUPT ->
                "input or output error; try again, then check the disk, or the server that it is mounted from";
        };
    }
}
