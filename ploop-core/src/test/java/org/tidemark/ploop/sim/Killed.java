package org.tidemark.ploop.sim;

/** The process was killed: not an exception, because no program can answer it. */
public final class Killed extends Error {
    private static final long serialVersionUID = 1L;

    public Killed() {
        super("kill -9", null, false, false);
    }
}
