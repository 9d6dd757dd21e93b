package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;

/**
 * Keeps the bitmaps of changes current that an image carries for other programs. While it is open for writing they say
 * nothing, or are not there; the changed-block tracker records for them, each being one of its {@link BitmapConsumers
 * consumers}. When the image is closed properly, what changed is added and they are stored again: a superset of the truth,
 * or nothing.
 *
 * <p>The methods are called in their order, each once, by the one who attaches and detaches.
 */
interface KeptBitmaps {
    /** How it is done for the format of the image's top. */
    static KeptBitmaps of(ChainFiles files, StateArea area) {
        return OverlaySnapshots.concerns(files) ? new Qcow2Bitmaps() : new ExtensionBitmaps(area);
    }

    /**
     * Takes down which bitmaps are valid. The image is not marked in use yet, which ends that.
     *
     * @param successor of a killed process, which may have taken them down before
     */
    void note(ChainFiles files, boolean successor) throws IOException;

    /** What is written from now on is recorded for them. Nothing was written yet. */
    void begin(ChangedBlockTracker tracker) throws IOException;

    /** Nobody writes any more, and everything is durable; the top is about to be marked closed. */
    void beforeClose(Delta top, ChangedBlockTracker tracker);

    /**
     * The image is closed, its lock is still held. Everything that is stored is durable on return, and the tracker records for
     * them no longer.
     *
     * @param cursor that of the device, for a successor if this process is killed now
     */
    void afterClose(ChainFiles files, ChangedBlockTracker tracker, AllocationCursor cursor) throws IOException;
}
