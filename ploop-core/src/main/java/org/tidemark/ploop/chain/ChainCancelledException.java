package org.tidemark.ploop.chain;

import java.io.IOException;

/** A long operation on a chain was called off: what the image shows is unchanged, and the operation can be run again. */
public final class ChainCancelledException extends IOException {
    private static final long serialVersionUID = 1L;

    ChainCancelledException(String what) {
        super(what + ": called off; the content is unchanged, and it can be run again");
    }
}
