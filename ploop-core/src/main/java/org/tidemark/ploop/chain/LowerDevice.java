package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.LowerDisk;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The lower part of a chain seen as one read-only delta, with the cluster size of the delta above it: for backing files of
 * another cluster size, or another disk size than one flat map can tell. Every cluster lies at its own place.
 */
final class LowerDevice implements Delta, LowerDisk {
    private final PloopDevice device;
    private final DeltaGeometry geometry;

    LowerDevice(PloopDevice device, int clusterSizeBytes) {
        this.device = device;
        this.geometry = new DeltaGeometry(device.sizeBytes(), clusterSizeBytes);
    }

    @Override
    public String name() {
        return device.name();
    }

    @Override
    public String format() {
        return "device";
    }

    @Override
    public DeltaGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean writable() {
        return false;
    }

    @Override
    public boolean identityMapped() {
        return true;
    }

    @Override
    public ImageIo io() {
        return device.deltas().get(device.deltas().size() - 1).io();
    }

    @Override
    public void readMapPage(long page, AlignedBuffer dst, int dstOffset) {
        long first = page * PAGE_CLUSTERS - PAGE_SHIFT_CLUSTERS;
        for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
            long cluster = first + slot;
            boolean onDisk = cluster >= 0 && cluster < geometry.clusters();
            dst.putInt(dstOffset + slot * 4, onDisk ? (int) cluster : NOT_ALLOCATED);
        }
    }

    @Override
    public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        read(position(physicalCluster, offsetBytes, lengthBytes), dst, dstOffset, lengthBytes);
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        int length = (int) Math.max(0, Math.min(lengthBytes, geometry.diskSizeBytes() - offsetBytes));
        if (length > 0) {
            device.read(offsetBytes, dst, dstOffset, length);
        }
        dst.zero(dstOffset + length, lengthBytes - length);
    }

    private long position(int physicalCluster, int offsetBytes, int lengthBytes) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        if (cluster >= geometry.clusters()
                || offsetBytes < 0
                || lengthBytes < 0
                || lengthBytes > geometry.clusterSizeBytes() - offsetBytes) {
            throw new IllegalArgumentException(name() + ": cluster " + cluster + ", offset " + offsetBytes + ", length "
                    + lengthBytes + " is outside the disk");
        }
        return cluster * geometry.clusterSizeBytes() + offsetBytes;
    }

    @Override
    public void dataExtents(int physicalCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException {
        long position = position(physicalCluster, offsetBytes, lengthBytes);
        long clusterStart = position - offsetBytes;
        dataExtents(position, (long) lengthBytes, (at, length) -> visitor.extent(at - clusterStart, length));
    }

    @Override
    public void dataExtents(long offsetBytes, long lengthBytes, ImageIo.ExtentVisitor visitor) throws IOException {
        long length = Math.min(lengthBytes, geometry.diskSizeBytes() - offsetBytes);
        if (length > 0) {
            BlockDevice below = device;
            below.extents(offsetBytes, length, (at, extentLength, zero) -> {
                if (!zero) {
                    visitor.extent(at, extentLength);
                }
            });
        }
    }

    private ImageException refused() {
        return new ImageException(ImageException.Kind.READ_ONLY, name() + ": lies below a delta and is only read");
    }

    @Override
    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        throw refused();
    }

    @Override
    public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException {
        throw refused();
    }

    @Override
    public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
        throw refused();
    }

    @Override
    public int reserve() throws IOException {
        throw refused();
    }

    @Override
    public void unreserve(int physicalCluster) {
        throw new IllegalStateException(name() + ": nothing is reserved below a delta");
    }

    @Override
    public void flush() {
        // Nothing was written.
    }

    @Override
    public void markInUse() throws IOException {
        throw refused();
    }

    @Override
    public void markClosed() throws IOException {
        throw refused();
    }

    @Override
    public void close() throws IOException {
        device.close();
    }
}
