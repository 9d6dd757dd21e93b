package org.tidemark.ploop.device;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;

/** Does what the device below does, but for what a subclass does otherwise. */
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
    public long currentSizeBytes() {
        return below.currentSizeBytes();
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
    public String trouble() {
        return below.trouble();
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
