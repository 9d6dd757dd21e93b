package org.tidemark.ploop.device.front;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;

/** A view as its reader over NBD sees it: reads give way to the container. Closing it leaves the view itself open. */
public final class YieldingView implements BlockDevice, Closeable {
    private final BlockDevice view;
    private final BackupTurns turns;
    private boolean closed;

    public YieldingView(BlockDevice view, BackupTurns turns) {
        this.view = view;
        this.turns = turns;
        turns.viewOpened();
    }

    @Override
    public String name() {
        return view.name();
    }

    @Override
    public long sizeBytes() {
        return view.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return view.blockSizeBytes();
    }

    @Override
    public boolean writable() {
        return view.writable();
    }

    @Override
    public DeviceState state() {
        return view.state();
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        long begun = turns.enter();
        try {
            view.read(offsetBytes, dst, dstOffset, lengthBytes);
        } finally {
            turns.leave(begun);
        }
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        view.write(offsetBytes, src, srcOffset, lengthBytes);
    }

    @Override
    public void flush() throws IOException {
        view.flush();
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        view.discard(offsetBytes, lengthBytes);
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        view.writeZeroes(offsetBytes, lengthBytes);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        view.extents(offsetBytes, lengthBytes, visitor);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            turns.viewClosed();
        }
    }
}
