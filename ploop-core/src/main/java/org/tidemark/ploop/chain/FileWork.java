package org.tidemark.ploop.chain;

import java.io.IOException;

/** Something that is done to the closed files of an image, whose locks the caller of this holds. */
@FunctionalInterface
public interface FileWork {
    /** Durable on return. When it throws, the files are such that it can be started again. */
    void run(ChainFiles files) throws IOException;
}
