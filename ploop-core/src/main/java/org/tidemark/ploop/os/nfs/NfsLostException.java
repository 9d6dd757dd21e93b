package org.tidemark.ploop.os.nfs;

import java.io.IOException;

/**
 * The server does not answer, or the connection broke. Whether what was asked for has happened is not known. The {@link
 * NfsClient} is of no use any more; open another one.
 */
public final class NfsLostException extends IOException {
    private static final long serialVersionUID = 1L;

    public NfsLostException(String message) {
        super(message);
    }
}
