package org.tidemark.ploop.os;

/** The error numbers of Linux on x86-64 and arm64 that this product reacts to. */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int ESRCH = 3;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EINVAL = 22;
    public static final int ENOTTY = 25;
    public static final int EFBIG = 27;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EPIPE = 32;
    public static final int ERANGE = 34;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOLCK = 37;
    public static final int ENOSYS = 38;
    public static final int ENOTEMPTY = 39;
    public static final int EOPNOTSUPP = 95;
    public static final int ECONNABORTED = 103;
    public static final int ETIMEDOUT = 110;
    public static final int ESTALE = 116;
    public static final int EREMOTEIO = 121;
    public static final int EDQUOT = 122;

    private Errno() {}

    /** Whether it says that there is no room, for anybody or for this owner. */
    public static boolean isNoSpace(int errno) {
        return errno == ENOSPC || errno == EDQUOT;
    }

    /** The symbolic name and the words of the manual, for messages. */
    public static String describe(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM: operation not permitted";
            case ENOENT -> "ENOENT: no such file or folder";
            case EINTR -> "EINTR: interrupted";
            case EIO -> "EIO: input/output error";
            case ENXIO -> "ENXIO: no such device or address";
            case EBADF -> "EBADF: descriptor is closed or not open for this";
            case EAGAIN -> "EAGAIN: not available now";
            case ENOMEM -> "ENOMEM: out of memory";
            case EACCES -> "EACCES: permission denied";
            case EBUSY -> "EBUSY: in use";
            case EEXIST -> "EEXIST: exists already";
            case ENODEV -> "ENODEV: no such device";
            case ENOTDIR -> "ENOTDIR: not a folder";
            case EINVAL -> "EINVAL: invalid argument";
            case ENOTTY -> "ENOTTY: not a request this file takes";
            case EFBIG -> "EFBIG: file too large";
            case ENOSPC -> "ENOSPC: no space left";
            case EROFS -> "EROFS: read-only file system";
            case EPIPE -> "EPIPE: the other side has gone";
            case ENAMETOOLONG -> "ENAMETOOLONG: name too long";
            case ENOLCK -> "ENOLCK: no locks available";
            case ENOSYS -> "ENOSYS: not implemented by this kernel";
            case ENOTEMPTY -> "ENOTEMPTY: folder is not empty";
            case EOPNOTSUPP -> "EOPNOTSUPP: not supported here";
            case ECONNABORTED -> "ECONNABORTED: connection aborted";
            case ETIMEDOUT -> "ETIMEDOUT: timed out";
            case ESTALE -> "ESTALE: stale file handle";
            case EREMOTEIO -> "EREMOTEIO: remote input/output error";
            case EDQUOT -> "EDQUOT: disk quota exceeded";
            default -> "errno " + errno;
        };
    }
}
