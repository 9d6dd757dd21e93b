package org.tidemark.ploop.device.front;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;

/** A view as its reader over NBD sees it: reads give way to the container. Closing it leaves the view itself open. */
public final class YieldingView extends ForwardingBlockDevice {
    private final BackupTurns turns;
    private boolean closed;

    public YieldingView(BlockDevice view, BackupTurns turns) {
        super(view);
        this.turns = turns;
        turns.viewOpened();
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        long begun = turns.enter();
        try {
            super.read(offsetBytes, dst, dstOffset, lengthBytes);
        } finally {
            turns.leave(begun);
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            turns.viewClosed();
        }
    }
}
