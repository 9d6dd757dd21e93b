package org.tidemark.ploop.filesystem;

import java.io.IOException;

/** A file system cannot be enlarged while it is mounted here; the message says why and what to do. Nothing has changed. */
public final class OnlineGrowthRefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    OnlineGrowthRefusedException(String message) {
        super(message);
    }
}
