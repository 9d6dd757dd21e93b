package org.tidemark.ploop.server;

import java.io.IOException;

/** One command of the control socket. Runs in the thread of its connection and may take its time. */
@FunctionalInterface
public interface ControlCommand {
    /** Returns the fields of the answer. A {@link ControlException} keeps its kind; other failures get one. */
    Fields run(Fields arguments, ControlSession session) throws IOException;
}
