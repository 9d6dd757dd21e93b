package org.tidemark.backup.target.nfs;

import java.io.IOException;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.os.nfs.NfsLostException;

/** Says what a server's refusal is to a backup, and what to do about it. */
final class NfsErrors {
    private NfsErrors() {}

    static TargetException of(String doing, NfsLocation location, IOException e) {
        if (e instanceof TargetException already) {
            return already;
        }
        String where = doing + " on " + location + ": ";
        if (e instanceof NfsLostException) {
            return TargetException.passing(
                    Kind.UNREACHABLE,
                    where + "the server does not answer; check that it runs and that this host reaches its ports 111 "
                            + "(rpcbind), 2049 (nfs) and that of mountd (" + e.getMessage() + ")",
                    e,
                    null);
        }
        if (e instanceof OsException refused) {
            Kind kind = kindOf(refused.errno());
            return new TargetException(
                    kind, where + advice(refused.errno(), location) + " (" + e.getMessage() + ")", e);
        }
        return new TargetException(Kind.UNREACHABLE, where + e.getMessage(), e);
    }

    private static Kind kindOf(int errno) {
        return switch (errno) {
            case Errno.ENOENT -> Kind.NOT_FOUND;
            case Errno.EEXIST -> Kind.CONFLICT;
            case Errno.EACCES, Errno.EPERM, Errno.EROFS, Errno.ENAMETOOLONG, Errno.EOPNOTSUPP, Errno.EINVAL ->
                Kind.DENIED;
            // libnfs says ERANGE where the server says that the quota is used up.
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG, Errno.ERANGE -> Kind.FULL;
            case Errno.ESTALE, Errno.ENOTDIR -> Kind.UNREACHABLE;
            default -> Kind.RETRYABLE;
        };
    }

    private static String advice(int errno, NfsLocation location) {
        return switch (errno) {
            case Errno.ENOENT -> "there is no such file or folder";
            case Errno.EEXIST -> "it exists already";
            case Errno.EACCES, Errno.EPERM ->
                location.server().uid().orElse(0) == 0
                        ? "not permitted; the server probably lets root be nobody (root_squash): give the folder to a user "
                                + "and add ?uid=N&gid=N to the address, or export it with no_root_squash"
                        : "not permitted; the folder must belong to user "
                                + location.server().uid().orElse(0) + " or be writable for it";
            case Errno.EROFS -> "the server exports it read-only; export it rw";
            case Errno.ENAMETOOLONG -> "a name is too long for the server's file system; choose a shorter folder";
            case Errno.EOPNOTSUPP, Errno.EINVAL ->
                "the server cannot do that; its file system needs hard links and NFS version 3";
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG, Errno.ERANGE -> "no room left; make room on the server";
            case Errno.ESTALE ->
                "the file is not the one it was (stale handle); check that the same file system is exported as before";
            case Errno.ENOTDIR -> "a part of the path is no folder; check the address";
            default -> "the server could not do it; try again, then look at the server's log and disk";
        };
    }
}
