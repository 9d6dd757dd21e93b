package org.tidemark.ploop.format.raw;

import java.io.IOException;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** An open raw file. */
final class RawDelta implements Delta {
    private final ImageIo io;
    private final DeltaGeometry geometry;
    private final boolean writable;

    RawDelta(ImageIo io, DeltaGeometry geometry, boolean writable) {
        this.io = io;
        this.geometry = geometry;
        this.writable = writable;
    }

    @Override
    public String name() {
        return io.name();
    }

    @Override
    public String format() {
        return RawFormat.ID;
    }

    @Override
    public DeltaGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public boolean identityMapped() {
        return true;
    }

    @Override
    public ImageIo io() {
        return io;
    }

    @Override
    public void readMapPage(long page, AlignedBuffer dst, int dstOffset) {
        long first = page * PAGE_CLUSTERS - PAGE_SHIFT_CLUSTERS;
        for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
            dst.putInt(dstOffset + slot * 4, expected(first + slot));
        }
    }

    @Override
    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        long first = page * PAGE_CLUSTERS - PAGE_SHIFT_CLUSTERS;
        for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
            if (src.getInt(srcOffset + slot * 4) != expected(first + slot)) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST,
                        name() + ": cluster " + (first + slot) + " of a raw image cannot be moved");
            }
        }
    }

    private int expected(long cluster) {
        return cluster >= 0 && cluster < geometry.clusters() ? (int) cluster : NOT_ALLOCATED;
    }

    private long position(int physicalCluster, int offsetBytes, int lengthBytes) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        if (cluster >= geometry.clusters()
                || offsetBytes < 0
                || lengthBytes < 0
                || lengthBytes > geometry.clusterSizeBytes() - offsetBytes) {
            throw new IllegalArgumentException(name() + ": cluster " + cluster + ", offset " + offsetBytes + ", length "
                    + lengthBytes + " is outside the image");
        }
        return cluster * geometry.clusterSizeBytes() + offsetBytes;
    }

    @Override
    public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        io.read(position(physicalCluster, offsetBytes, lengthBytes), dst, dstOffset, lengthBytes);
    }

    @Override
    public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException {
        requireWritable();
        long position = position(physicalCluster, offsetBytes, lengthBytes);
        if (position + lengthBytes > geometry.diskSizeBytes()) {
            throw new IllegalArgumentException(name() + ": writing " + lengthBytes + " bytes at " + position
                    + " would end beyond the disk of " + geometry.diskSizeBytes());
        }
        io.write(position, src, srcOffset, lengthBytes);
    }

    @Override
    public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
        requireWritable();
        io.punchHole(position(physicalCluster, offsetBytes, lengthBytes), lengthBytes);
    }

    private void requireWritable() throws ImageException {
        if (!writable) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name() + ": open for reading only");
        }
    }

    @Override
    public int reserve() {
        throw new IllegalStateException(name() + ": a raw image has every cluster already");
    }

    @Override
    public void unreserve(int physicalCluster) {
        throw new IllegalStateException(name() + ": a raw image reserves nothing");
    }

    @Override
    public long filePosition(int physicalCluster) {
        return position(physicalCluster, 0, 0);
    }

    @Override
    public void dataExtents(int physicalCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException {
        long position = position(physicalCluster, offsetBytes, lengthBytes);
        long clusterStart = position - offsetBytes;
        io.dataExtents(position, lengthBytes, (at, length) -> visitor.extent(at - clusterStart, length));
    }

    @Override
    public void flush() throws IOException {
        io.flush();
    }

    @Override
    public void markInUse() throws IOException {
        // The format has no place for a mark. What others wrote before is durable from here on, as in formats that have
        // one:
        // a power loss must not take back what the first backup has read.
        io.flush();
    }

    @Override
    public void markClosed() throws IOException {
        io.flush();
    }

    @Override
    public void close() throws IOException {
        io.close();
    }

    @Override
    public String toString() {
        return name() + " (raw)";
    }
}
