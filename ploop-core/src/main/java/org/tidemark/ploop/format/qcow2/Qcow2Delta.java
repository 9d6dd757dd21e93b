package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.LowerDisk;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** An open qcow2 image. What its physical clusters mean: {@link PhysicalCluster}. */
public final class Qcow2Delta implements Delta {
    private final ImageIo io;
    private final ImageIo data;
    private final Qcow2Header header;
    private final DeltaGeometry geometry;
    private final int clusterBytes;
    private final ClusterReader reader;
    private final @Nullable Writing writing;

    /** Of an image that is read only: bytes that the file was seen to have, up to a whole cluster. */
    private volatile long seenEndBytes;

    /** What only an image has that is written. */
    private record Writing(HostClusters clusters, TableWriter tables, UseMark mark) {}

    private Qcow2Delta(ImageIo io, ImageIo data, Qcow2Header header, L1Table l1, @Nullable HostClusters clusters)
            throws IOException {
        this.io = io;
        this.data = data;
        this.header = header;
        this.geometry = header.geometry();
        this.clusterBytes = header.clusterSizeBytes();
        if (clusters == null) {
            this.reader = new ClusterReader(io, data, header, l1, this::seenEnd, false);
            this.writing = null;
        } else {
            this.reader =
                    new ClusterReader(io, data, header, l1, atLeast -> clusters.nextCluster() * clusterBytes, true);
            this.writing =
                    new Writing(clusters, new TableWriter(io, header, l1, clusters, reader), new UseMark(io, header));
        }
    }

    static Qcow2Delta readOnly(ImageIo io, ImageIo data, Qcow2Header header, L1Table l1) throws IOException {
        return new Qcow2Delta(io, data, header, l1, null);
    }

    static Qcow2Delta writable(ImageIo io, ImageIo data, Qcow2Header header, HostClusters clusters) throws IOException {
        return new Qcow2Delta(
                io, data, header, new L1Table(io, header, header.l1Offset(), header.l1Entries()), clusters);
    }

    private long seenEnd(long atLeastBytes) throws IOException {
        long end = seenEndBytes;
        if (end < atLeastBytes) {
            end = (io.size() + clusterBytes - 1) & -clusterBytes;
            seenEndBytes = end;
        }
        return end;
    }

    /** The header as it was when the image was opened. */
    public Qcow2Header header() {
        return header;
    }

    /** Tells what lies below clusters that are only partly in this image (extended L2 entries). Before the first read. */
    public void setLower(LowerDisk disk) {
        reader.setLower(disk);
    }

    @Override
    public String name() {
        return io.name();
    }

    @Override
    public String format() {
        return Qcow2Format.ID;
    }

    @Override
    public DeltaGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean writable() {
        return writing != null;
    }

    @Override
    public boolean identityMapped() {
        return false;
    }

    @Override
    public boolean inPlace(int physicalCluster) {
        return PhysicalCluster.isHost(physicalCluster);
    }

    @Override
    public int zeroCluster() {
        return header.version() >= 3 && !header.externalData() ? PhysicalCluster.ZERO : NOT_ALLOCATED;
    }

    @Override
    public ImageIo io() {
        return io;
    }

    private Writing requireWritable() throws ImageException {
        if (writing == null) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name() + ": open for reading only");
        }
        return writing;
    }

    @Override
    public void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException {
        reader.readMapPage(page, dst, dstOffset);
    }

    @Override
    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        requireWritable().tables().writePage(page, src, srcOffset);
    }

    private void requireRange(int physicalCluster, int offsetBytes, int lengthBytes) {
        boolean host = PhysicalCluster.isHost(physicalCluster);
        boolean sound = host
                ? physicalCluster > 0 || header.externalData()
                : physicalCluster == PhysicalCluster.ZERO
                        || PhysicalCluster.virtual(physicalCluster) < geometry.clusters();
        if (!sound || offsetBytes < 0 || lengthBytes < 0 || lengthBytes > clusterBytes - offsetBytes) {
            throw new IllegalArgumentException(name() + ": cluster " + Integer.toUnsignedString(physicalCluster)
                    + ", offset " + offsetBytes + ", length " + lengthBytes + " is not in the image");
        }
    }

    private long position(int physicalCluster, int offsetBytes) {
        return (long) physicalCluster * clusterBytes + offsetBytes;
    }

    @Override
    public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        requireRange(physicalCluster, offsetBytes, lengthBytes);
        if (PhysicalCluster.isHost(physicalCluster)) {
            data.read(position(physicalCluster, offsetBytes), dst, dstOffset, lengthBytes);
        } else if (physicalCluster == PhysicalCluster.ZERO) {
            dst.zero(dstOffset, lengthBytes);
        } else {
            reader.read(PhysicalCluster.virtual(physicalCluster), offsetBytes, dst, dstOffset, lengthBytes);
        }
    }

    @Override
    public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException {
        requireOwn(physicalCluster, offsetBytes, lengthBytes);
        data.write(position(physicalCluster, offsetBytes), src, srcOffset, lengthBytes);
    }

    @Override
    public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
        requireOwn(physicalCluster, offsetBytes, lengthBytes);
        data.punchHole(position(physicalCluster, offsetBytes), lengthBytes);
    }

    private void requireOwn(int physicalCluster, int offsetBytes, int lengthBytes) throws ImageException {
        HostClusters clusters = requireWritable().clusters();
        requireRange(physicalCluster, offsetBytes, lengthBytes);
        boolean own = header.externalData()
                ? physicalCluster >= 0 && physicalCluster < geometry.clusters()
                : physicalCluster > 0 && physicalCluster < clusters.nextCluster();
        if (!own) {
            throw new IllegalArgumentException(
                    name() + ": cluster " + Integer.toUnsignedString(physicalCluster) + " was never handed out");
        }
    }

    @Override
    public int reserve() throws IOException {
        HostClusters clusters = requireWritable().clusters();
        if (header.externalData()) {
            throw new IllegalStateException(name() + ": the data file has a place for each cluster of the disk");
        }
        return PhysicalCluster.host(clusters.reserve());
    }

    @Override
    public int reserveFor(long virtualCluster) throws IOException {
        if (!header.externalData()) {
            return reserve();
        }
        requireWritable();
        reader.punchUnused(virtualCluster);
        return PhysicalCluster.host(virtualCluster);
    }

    @Override
    public void unreserve(int physicalCluster) {
        Writing own = writing;
        if (own == null || physicalCluster < 0) {
            throw new IllegalArgumentException(
                    name() + ": cluster " + Integer.toUnsignedString(physicalCluster) + " was never handed out");
        }
        if (!header.externalData()) {
            own.clusters().unreserve(physicalCluster);
        }
    }

    @Override
    public long filePosition(int physicalCluster) {
        return PhysicalCluster.isHost(physicalCluster) ? position(physicalCluster, 0) : -1;
    }

    @Override
    public String dataFile() {
        return data.name();
    }

    @Override
    public void dataExtents(int physicalCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException {
        requireRange(physicalCluster, offsetBytes, lengthBytes);
        if (PhysicalCluster.isHost(physicalCluster)) {
            long start = position(physicalCluster, 0);
            data.dataExtents(start + offsetBytes, lengthBytes, (at, length) -> visitor.extent(at - start, length));
        } else if (physicalCluster != PhysicalCluster.ZERO) {
            reader.dataExtents(PhysicalCluster.virtual(physicalCluster), offsetBytes, lengthBytes, visitor);
        }
    }

    /** Data first: an entry in the image never names data that is not durable. */
    @Override
    public void flush() throws IOException {
        if (data != io) {
            data.flush();
        }
        Writing own = writing;
        if (own == null) {
            io.flush();
        } else {
            own.tables().settle();
        }
    }

    @Override
    public void markInUse() throws IOException {
        requireWritable().mark().set();
    }

    /** By counting anew, which leaves nothing worse than it was wherever it is cut off; not when there is much to read. */
    @Override
    public void collectLeaked() throws IOException {
        Writing own = requireWritable();
        flush();
        own.clusters().cutSurplus();
        io.flush();
        Qcow2Header now = Qcow2Header.read(io);
        if (!EnoughCounts.isQuick(io, now)) {
            return;
        }
        try {
            Recovery.run(io, now);
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.SUSPECT) {
                throw e;
            }
            // A check tells what, and a repair counts anew.
        } catch (OutOfMemoryError e) {
            // What is leaked stays leaked until a check.
        }
    }

    @Override
    public void markClosed() throws IOException {
        Writing own = requireWritable();
        flush();
        own.clusters().cutSurplus();
        io.flush();
        own.mark().clear();
    }

    @Override
    public void close() throws IOException {
        reader.close();
        try {
            if (data != io) {
                data.close();
            }
        } finally {
            io.close();
        }
    }

    @Override
    public String toString() {
        return name() + " (qcow2)";
    }
}
