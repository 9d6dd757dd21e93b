package org.tidemark.ploop.io;

import java.io.IOException;

/** Something is wrong with an image, in a way the caller can tell apart. The message says what, where and what to do. */
public final class ImageException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** The file is not an image of any known format. */
        NOT_AN_IMAGE,
        /** The structure contradicts itself; {@code image check} tells more. Never worth a retry. */
        DAMAGED,
        /** A valid image that uses something this version does not support. */
        UNSUPPORTED,
        /** Another process, or another host, has the image open. */
        IN_USE,
        /** The image was not closed by whoever had it open for writing. */
        NOT_CLOSED,
        /** Writing to something that is open for reading only. */
        READ_ONLY,
        /** The request itself makes no sense (size, range, geometry). */
        INVALID_REQUEST,
        /** A sync failed earlier: what is on the medium is unknown, so nothing more is written. */
        SUSPECT
    }

    private final Kind kind;

    public ImageException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public ImageException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
