package org.tidemark.ploop.server;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * Stands in for a device whose image could not be opened again after a take-over: every request fails at once, so that the
 * container sees an error instead of waiting for ever.
 */
final class BrokenDevice implements BlockDevice {
    private final AttachmentRecord record;
    private final String why;

    BrokenDevice(AttachmentRecord record, String why) {
        this.record = record;
        this.why = why;
    }

    private ImageException failure() {
        return new ImageException(ImageException.Kind.SUSPECT, name() + ": could not be taken over: " + why);
    }

    @Override
    public String name() {
        return record.request().image().toString();
    }

    @Override
    public long sizeBytes() {
        return record.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return record.blockBytes();
    }

    @Override
    public boolean writable() {
        return record.writable();
    }

    @Override
    public DeviceState state() {
        return DeviceState.ABORTED;
    }

    @Override
    public String trouble() {
        return "it could not be taken over: " + why;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        throw failure();
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        throw failure();
    }

    @Override
    public void flush() throws IOException {
        throw failure();
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        throw failure();
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        throw failure();
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        throw failure();
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
