package org.tidemark.ploop.testing;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;

/** Does what the device below does; a test overrides what it wants to be different. */
public class ForwardingBlockDevice implements BlockDevice {
    private final BlockDevice below;

    public ForwardingBlockDevice(BlockDevice below) {
        this.below = below;
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public long sizeBytes() {
        return below.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return below.blockSizeBytes();
    }

    @Override
    public boolean writable() {
        return below.writable();
    }

    @Override
    public DeviceState state() {
        return below.state();
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        below.read(offsetBytes, dst, dstOffset, lengthBytes);
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        below.write(offsetBytes, src, srcOffset, lengthBytes);
    }

    @Override
    public void flush() throws IOException {
        below.flush();
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        below.discard(offsetBytes, lengthBytes);
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        below.writeZeroes(offsetBytes, lengthBytes);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        below.extents(offsetBytes, lengthBytes, visitor);
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
