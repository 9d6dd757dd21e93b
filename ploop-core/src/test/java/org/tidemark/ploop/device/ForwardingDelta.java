package org.tidemark.ploop.device;

import java.io.IOException;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/** Passes everything on; a base for deltas that are wrong in one thing. */
abstract class ForwardingDelta implements Delta {
    final Delta below;

    ForwardingDelta(Delta below) {
        this.below = below;
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public String format() {
        return below.format();
    }

    @Override
    public DeltaGeometry geometry() {
        return below.geometry();
    }

    @Override
    public boolean writable() {
        return below.writable();
    }

    @Override
    public boolean identityMapped() {
        return below.identityMapped();
    }

    @Override
    public boolean inPlace(int physicalCluster) {
        return below.inPlace(physicalCluster);
    }

    @Override
    public int zeroCluster() {
        return below.zeroCluster();
    }

    @Override
    public ImageIo io() {
        return below.io();
    }

    @Override
    public void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException {
        below.readMapPage(page, dst, dstOffset);
    }

    @Override
    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        below.writeMapPage(page, src, srcOffset);
    }

    @Override
    public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        below.read(physicalCluster, offsetBytes, dst, dstOffset, lengthBytes);
    }

    @Override
    public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException {
        below.overwrite(physicalCluster, offsetBytes, src, srcOffset, lengthBytes);
    }

    @Override
    public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
        below.punch(physicalCluster, offsetBytes, lengthBytes);
    }

    @Override
    public int reserve() throws IOException {
        return below.reserve();
    }

    @Override
    public void unreserve(int physicalCluster) {
        below.unreserve(physicalCluster);
    }

    @Override
    public boolean releases() throws IOException {
        return below.releases();
    }

    @Override
    public void release(int physicalCluster) {
        below.release(physicalCluster);
    }

    @Override
    public boolean shrink(long maxMoveBytes) throws IOException {
        return below.shrink(maxMoveBytes);
    }

    @Override
    public void dataExtents(int physicalCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException {
        below.dataExtents(physicalCluster, offsetBytes, lengthBytes, visitor);
    }

    @Override
    public void flush() throws IOException {
        below.flush();
    }

    @Override
    public void markInUse() throws IOException {
        below.markInUse();
    }

    @Override
    public void collectLeaked() throws IOException {
        below.collectLeaked();
    }

    @Override
    public void markClosed() throws IOException {
        below.markClosed();
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
