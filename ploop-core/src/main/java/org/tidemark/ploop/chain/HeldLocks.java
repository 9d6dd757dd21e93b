package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;

/**
 * The locks of an image in use, which follow its chain: exclusive on the top, shared on what lies below. Whoever holds them
 * decides what else keeps them alive. Without further methods, files come and go unlocked.
 */
@FunctionalInterface
public interface HeldLocks extends Closeable {
    /** Locks a file that is about to join the chain. Throws IN_USE when somebody else holds it. */
    default void add(ChainFiles.Link link, boolean exclusive) throws IOException {}

    /** Makes a lock shared or exclusive. Throws IN_USE when others read the file too; it stays shared then. */
    default void convert(ChainFiles.Link link, boolean exclusive) throws IOException {}

    /** Lets go of a file that has left the chain. */
    default void remove(ChainFiles.Link link) throws IOException {}

    /**
     * A locked file has another name now; the lock stays with the file. What had that name before is gone, with its lock.
     * Never fails: it is called when the change of names counts already.
     */
    default void renamed(ChainFiles.Link from, ChainFiles.Link to) {}

    /** Lets go of everything. */
    @Override
    void close() throws IOException;
}
