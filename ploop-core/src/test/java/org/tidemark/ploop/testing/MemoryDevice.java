package org.tidemark.ploop.testing;

import java.util.Objects;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;

/** A disk in an array; whatever lies outside it is an error of the program under test. */
public final class MemoryDevice implements BlockDevice {
    private final String name;
    private final byte[] bytes;

    public MemoryDevice(String name, byte[] bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return bytes.length;
    }

    @Override
    public int blockSizeBytes() {
        return 512;
    }

    @Override
    public boolean writable() {
        return true;
    }

    @Override
    public DeviceState state() {
        return DeviceState.RUNNING;
    }

    private int within(long offsetBytes, long lengthBytes) {
        if (offsetBytes % 512 != 0 || lengthBytes % 512 != 0) {
            throw new IllegalArgumentException("no whole blocks: " + offsetBytes + ", +" + lengthBytes);
        }
        return (int) Objects.checkFromIndexSize(offsetBytes, lengthBytes, (long) bytes.length);
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) {
        dst.bytes().put(dstOffset, bytes, within(offsetBytes, lengthBytes), lengthBytes);
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) {
        src.bytes().get(srcOffset, bytes, within(offsetBytes, lengthBytes), lengthBytes);
    }

    @Override
    public void flush() {
        // Nothing is ever lost here.
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) {
        int at = within(offsetBytes, lengthBytes);
        java.util.Arrays.fill(bytes, at, at + (int) lengthBytes, (byte) 0);
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) {
        discard(offsetBytes, lengthBytes);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws java.io.IOException {
        visitor.extent(offsetBytes, lengthBytes, false);
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
