package org.tidemark.ploop.os;

import java.io.IOException;

/** A system call failed. The message names the call, the file and the reason. */
public final class OsException extends IOException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    public OsException(String call, String subject, int errno) {
        super(subject + ": " + call + " failed (" + Errno.describe(errno) + ")");
        this.errno = errno;
    }

    /** The error number, one of {@link Errno}. */
    public int errno() {
        return errno;
    }
}
