package org.tidemark.appliance.cli;

import java.io.IOException;

/** A verb of the ploop tool ends with the exit code that the tool itself would give. */
final class PloopException extends IOException {
    /** SYSEXIT_DEVICE. */
    static final int DEVICE = 2;
    /** SYSEXIT_OPEN. */
    static final int OPEN = 4;
    /** SYSEXIT_READ. */
    static final int READ = 6;
    /** SYSEXIT_PROTOCOL. */
    static final int PROTOCOL = 13;
    /** SYSEXIT_PLOOPFMT: not an image, or damaged. */
    static final int FORMAT = 11;
    /** SYSEXIT_SYS. */
    static final int SYSTEM = 12;
    /** SYSEXIT_EBUSY. */
    static final int BUSY = 17;
    /** SYSEXIT_PLOOPINUSE: not closed. */
    static final int IN_USE = 37;
    /** SYSEXIT_PARAM. */
    static final int PARAMETER = 38;
    /** SYSEXIT_DISKDESCR. */
    static final int DESCRIPTOR = 39;
    /** SYSEXIT_DEV_NOT_MOUNTED. */
    static final int NOT_MOUNTED = 40;
    /** SYSEXIT_NOSNAP. */
    static final int NO_SNAPSHOT = 43;

    private static final long serialVersionUID = 1L;

    private final int exitCode;

    PloopException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode;
    }
}
