package org.tidemark.ploop.testing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.NativeFile;

/** The simplest device: a plain file. Can be told to be slow. For tests of what lies above a device. */
public final class RawFileDevice implements BlockDevice {
    private final NativeFile file;
    private final long sizeBytes;
    private final boolean writable;
    private final long delayNanos;

    public RawFileDevice(Path path, boolean writable, long delayNanos) throws IOException {
        this.file = NativeFile.open(path, writable ? NativeFile.READ_WRITE : NativeFile.READ_ONLY, 0);
        this.sizeBytes = file.size();
        this.writable = writable;
        this.delayNanos = delayNanos;
    }

    /** A sparse file to put a device on. */
    public static Path create(Path path, long sizeBytes) throws IOException {
        try (NativeFile fresh = NativeFile.open(path, NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            fresh.truncate(sizeBytes);
        }
        return path;
    }

    public NativeFile file() {
        return file;
    }

    private void delay() {
        if (delayNanos > 0) {
            LockSupport.parkNanos(delayNanos);
        }
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int blockSizeBytes() {
        return 512;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public DeviceState state() {
        return DeviceState.RUNNING;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        delay();
        file.readAt(dst.address(dstOffset), lengthBytes, offsetBytes);
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        delay();
        file.writeAt(src.address(srcOffset), lengthBytes, offsetBytes);
    }

    @Override
    public void flush() throws IOException {
        delay();
        file.fdatasync();
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        file.punchHole(offsetBytes, lengthBytes);
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        file.punchHole(offsetBytes, lengthBytes);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        visitor.extent(offsetBytes, lengthBytes, false);
    }

    @Override
    public void close() throws IOException {
        if (writable) {
            file.fdatasync();
        }
        file.close();
    }
}
