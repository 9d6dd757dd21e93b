package org.tidemark.appliance.service.export;

import java.io.IOException;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** One image of a recovery point as a disk that can only be read. Each byte is compared with its chunk's hash. */
final class PointDevice implements BlockDevice {
    private static final int BLOCK_BYTES = 512;

    private final String name;
    private final ImageReader reader;

    PointDevice(String name, ImageReader reader) {
        this.name = name;
        this.reader = reader;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return reader.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return BLOCK_BYTES;
    }

    @Override
    public boolean writable() {
        return false;
    }

    @Override
    public DeviceState state() {
        return DeviceState.RUNNING;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        reader.read(
                offsetBytes,
                dst.bytes().duplicate().limit(dstOffset + lengthBytes).position(dstOffset));
    }

    private OsException readOnly() {
        return new OsException("changing a recovery point", name, Errno.EPERM);
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        throw readOnly();
    }

    @Override
    public void flush() {
        // Nothing can have been written.
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        throw readOnly();
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        throw readOnly();
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        long end = offsetBytes + lengthBytes;
        long at = offsetBytes;
        while (at < end) {
            long chunk = at / ChunkGeometry.CHUNK_BYTES;
            boolean zero = reader.isZero(chunk);
            long next = (chunk + 1) * ChunkGeometry.CHUNK_BYTES;
            while (next < end && reader.isZero(next / ChunkGeometry.CHUNK_BYTES) == zero) {
                next += ChunkGeometry.CHUNK_BYTES;
            }
            long stop = Math.min(next, end);
            visitor.extent(at, stop - at, zero);
            at = stop;
        }
    }

    @Override
    public void close() {
        // The repository stays open for others.
    }
}
