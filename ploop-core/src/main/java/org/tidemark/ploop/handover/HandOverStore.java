package org.tidemark.ploop.handover;

import java.io.IOException;

/** Keeps the record of one image on one host. */
public interface HandOverStore {
    /** What was written last; {@link HandOverRecord#NONE} when nothing ever was. Throws when it cannot be told. */
    HandOverRecord read() throws IOException;

    /** Durable on return. When it throws, either record may be the one that is there. */
    void write(HandOverRecord next) throws IOException;
}
