package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.format.Delta;

/** What {@link PloopDevice#exchange} does at the moment at which the chain changes: nobody writes, everything is flushed. */
@FunctionalInterface
public interface Exchange {
    /** Makes the new chain the one that counts, durably. When this throws, the old chain is whole and goes on. */
    Next commit() throws IOException;

    /**
     * The new chain.
     *
     * @param deltas open, base first, the last one writable and marked in use
     * @param chainId what tells this chain from every other one of the image, see {@link ChainBinding}
     * @param cursor where the allocation of the new top goes on; stays where it is when the top stays
     * @param gone deltas of the old chain that are not in the new one; the device closes them when nobody reads them
     */
    record Next(List<Delta> deltas, String chainId, MovableCursor cursor, List<Delta> gone) {}
}
