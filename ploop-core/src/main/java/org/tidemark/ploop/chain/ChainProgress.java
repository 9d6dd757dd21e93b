package org.tidemark.ploop.chain;

/** Told how far a long operation on a chain is. Called by the thread that works; must return quickly. */
@FunctionalInterface
public interface ChainProgress {
    ChainProgress NONE = (done, total) -> {};

    /** Clusters of the disk looked at so far, of all there are. */
    void done(long clusters, long totalClusters);

    /** Asked now and then; once this is true the operation ends early with {@link ChainCancelledException}. */
    default boolean cancelled() {
        return false;
    }
}
