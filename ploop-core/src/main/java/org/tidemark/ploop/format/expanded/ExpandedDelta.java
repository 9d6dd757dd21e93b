package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * An open expanded image. Physical clusters are cluster numbers of the file.
 *
 * <p>The table's area ends on a cluster boundary, which with odd cluster sizes is not a page boundary: the last page is then
 * shorter than 4 KiB on the file.
 */
final class ExpandedDelta implements Delta {
    private static final System.Logger LOG = System.getLogger(ExpandedDelta.class.getName());

    private final ImageIo io;
    private final DeltaGeometry geometry;
    private final @Nullable ClusterAllocator allocator;
    /** Features of others that are written again when the image is closed. */
    private final List<FormatExtension.Feature> carried;

    /** Whether the file ends with an extension, which the cursor does not count. */
    private boolean extensionBehindEnd;

    private volatile List<StoredBitmap> bitmapsAtClose = List.of();

    private final ClusterGrid grid;
    private final long firstDataCluster;

    /** Guards changes of {@link #header}, and {@link #scratch}. */
    private final Object headerMonitor = new Object();

    private final AlignedBuffer scratch = AlignedBuffer.allocate(PAGE_BYTES);
    private volatile ExpandedHeader header;

    /** Of an image that is read only: clusters that the file was seen to have. Somebody else may be extending it. */
    private volatile long seenFileClusters;

    private ExpandedDelta(
            ImageIo io,
            ExpandedHeader header,
            @Nullable ClusterAllocator allocator,
            List<FormatExtension.Feature> carried) {
        this.carried = carried;
        this.io = io;
        this.header = header;
        this.geometry = header.geometry();
        this.grid = header.grid();
        this.firstDataCluster = grid.firstDataCluster();
        this.allocator = allocator;
    }

    static ExpandedDelta readOnly(ImageIo io, ExpandedHeader header) {
        return new ExpandedDelta(io, header, null, List.of());
    }

    static ExpandedDelta writable(
            ImageIo io, ExpandedHeader header, ClusterAllocator allocator, List<FormatExtension.Feature> carried) {
        return new ExpandedDelta(io, header, allocator, carried);
    }

    @Override
    public String name() {
        return io.name();
    }

    @Override
    public String format() {
        return ExpandedFormat.ID;
    }

    @Override
    public DeltaGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean writable() {
        return allocator != null;
    }

    @Override
    public boolean identityMapped() {
        return false;
    }

    @Override
    public ImageIo io() {
        return io;
    }

    private int pageBytes(long page) {
        long start = page * PAGE_BYTES;
        if (page < 0 || start >= header.tableEndBytes()) {
            throw new IllegalArgumentException(name() + ": no map page " + page);
        }
        return (int) Math.min(PAGE_BYTES, header.dataStartBytes() - start);
    }

    @Override
    public void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException {
        io.read(page * PAGE_BYTES, dst, dstOffset, pageBytes(page));
        long first = page * PAGE_CLUSTERS - PAGE_SHIFT_CLUSTERS;
        for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
            long cluster = first + slot;
            int at = dstOffset + slot * 4;
            if (cluster < 0 || cluster >= geometry.clusters()) {
                dst.putInt(at, NOT_ALLOCATED);
                continue;
            }
            int entry = dst.getInt(at);
            if (entry == 0) {
                dst.putInt(at, NOT_ALLOCATED);
            } else {
                dst.putInt(at, requireEntry(cluster, entry));
            }
        }
    }

    private int requireEntry(long virtualCluster, int entry) throws IOException {
        long end;
        if (allocator != null) {
            end = allocator.nextCluster();
        } else {
            end = seenFileClusters;
            if (grid.clusterOf(entry) >= end) {
                end = grid.startedClusters(io.size());
                seenFileClusters = end;
            }
        }
        return (int) TableScan.requireEntry(name(), grid, virtualCluster, entry, end);
    }

    @Override
    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
        ClusterAllocator clusters = requireWritable();
        synchronized (headerMonitor) {
            int length = pageBytes(page);
            long first = page * PAGE_CLUSTERS - PAGE_SHIFT_CLUSTERS;
            for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
                long cluster = first + slot;
                int physical = src.getInt(srcOffset + slot * 4);
                boolean onDisk = cluster >= 0 && cluster < geometry.clusters();
                if (physical == NOT_ALLOCATED) {
                    physical = 0;
                } else if (!onDisk || !inFile(physical, clusters)) {
                    throw new ImageException(
                            ImageException.Kind.INVALID_REQUEST,
                            name() + ": cluster " + cluster + " cannot lie in cluster "
                                    + Integer.toUnsignedLong(physical) + " of the file");
                } else {
                    physical = grid.entryOf(Integer.toUnsignedLong(physical));
                }
                scratch.putInt(slot * 4, physical);
            }
            if (page == 0) {
                header.encode(scratch, 0);
            }
            io.write(page * PAGE_BYTES, scratch, 0, length);
        }
    }

    private boolean inFile(int physicalCluster, ClusterAllocator clusters) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        return cluster >= firstDataCluster && cluster < clusters.nextCluster();
    }

    private long position(int physicalCluster, int offsetBytes, int lengthBytes) {
        long cluster = Integer.toUnsignedLong(physicalCluster);
        if (cluster < firstDataCluster
                || physicalCluster == NOT_ALLOCATED
                || offsetBytes < 0
                || lengthBytes < 0
                || lengthBytes > geometry.clusterSizeBytes() - offsetBytes) {
            throw new IllegalArgumentException(name() + ": cluster " + cluster + " of the file, offset " + offsetBytes
                    + ", length " + lengthBytes + " is not in the data area");
        }
        return grid.positionBytes(cluster) + offsetBytes;
    }

    private ClusterAllocator requireWritable() throws ImageException {
        if (allocator == null) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name() + ": open for reading only");
        }
        return allocator;
    }

    @Override
    public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        io.read(position(physicalCluster, offsetBytes, lengthBytes), dst, dstOffset, lengthBytes);
    }

    @Override
    public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException {
        requireReserved(physicalCluster);
        io.write(position(physicalCluster, offsetBytes, lengthBytes), src, srcOffset, lengthBytes);
    }

    @Override
    public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
        requireReserved(physicalCluster);
        io.punchHole(position(physicalCluster, offsetBytes, lengthBytes), lengthBytes);
    }

    private void requireReserved(int physicalCluster) throws ImageException {
        ClusterAllocator clusters = requireWritable();
        if (!inFile(physicalCluster, clusters)) {
            throw new IllegalArgumentException(
                    name() + ": cluster " + Integer.toUnsignedLong(physicalCluster) + " was never handed out");
        }
    }

    @Override
    public int reserve() throws IOException {
        ClusterAllocator clusters = requireWritable();
        if (!header.inUse()) {
            // Clusters of a format extension that others still believe must not be taken for free ones.
            throw new IllegalStateException(name() + ": clusters are handed out once the image is marked in use");
        }
        return clusters.reserve();
    }

    @Override
    public void unreserve(int physicalCluster) {
        ClusterAllocator clusters = allocator;
        if (clusters == null || !inFile(physicalCluster, clusters)) {
            throw new IllegalArgumentException(
                    name() + ": cluster " + Integer.toUnsignedLong(physicalCluster) + " was never handed out");
        }
        clusters.giveBack(physicalCluster);
    }

    @Override
    public boolean releases() throws IOException {
        ClusterAllocator clusters = allocator;
        if (clusters == null || !header.inUse()) {
            return false;
        }
        if (clusters.knowsFree()) {
            return true;
        }
        if (header.tableEndBytes() > ExpandedFormat.SCANNED_AT_OPEN_BYTES) {
            return false;
        }
        try {
            clusters.search();
            return clusters.knowsFree();
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.SUSPECT) {
                throw e;
            }
            // The table is damaged: the next one who asks for a cluster is told so. A disk that fails is no such case.
            return false;
        } catch (UnreadableException e) {
            LOG.log(System.Logger.Level.DEBUG, name() + ": its table cannot be read now: {0}", e.getMessage());
            return false;
        }
    }

    @Override
    public void release(int physicalCluster) {
        unreserve(physicalCluster);
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
        ClusterAllocator clusters = requireWritable();
        writeHeader(header.opened());
        io.flush();
        if (extensionBehindEnd) {
            // The header does not name it any more, and a new cluster there must read as zeros.
            clusters.cutSurplus();
            extensionBehindEnd = false;
        }
        if (header.tableEndBytes() > ExpandedFormat.SCANNED_AT_OPEN_BYTES && !clusters.knowsFree()) {
            searchInBackground(clusters);
        }
    }

    /** The first one who needs a cluster waits for it, or does it himself; usually nobody has to. */
    private void searchInBackground(ClusterAllocator clusters) {
        Thread thread = new Thread(
                () -> {
                    try {
                        clusters.search();
                    } catch (IOException | RuntimeException e) {
                        LOG.log(System.Logger.Level.ERROR, name() + ": searching the table for free clusters", e);
                    }
                },
                "free clusters of " + name());
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void prepareShrink() throws IOException {
        requireWritable().search();
    }

    @Override
    public boolean shrink(long maxMoveBytes) throws IOException {
        ClusterAllocator clusters = requireWritable();
        if (maxMoveBytes == Long.MAX_VALUE) {
            clusters.search();
        }
        return clusters.compact(maxMoveBytes / geometry.clusterSizeBytes());
    }

    /** Bitmaps of the disk as it is when the mark is cleared: they are stored in the same step, as far as they fit. */
    void storeAtClose(List<StoredBitmap> bitmaps) {
        bitmapsAtClose = List.copyOf(bitmaps);
    }

    /** Surplus cut | sync | bits and extension behind the end of the file | sync | header names them, mark cleared | sync. */
    @Override
    public void markClosed() throws IOException {
        ClusterAllocator clusters = requireWritable();
        clusters.cutSurplus();
        io.flush();
        writeHeader(closedHeader(clusters));
        io.flush();
    }

    /** On a full disk bitmaps are given up, so that the image can be closed; features of others never are. */
    private ExpandedHeader closedHeader(ClusterAllocator clusters) throws IOException {
        boolean empty = clusters.nothingAllocated();
        List<StoredBitmap> bitmaps = FormatExtension.fitting(header, bitmapsAtClose, carried);
        if (carried.isEmpty() && bitmaps.isEmpty()) {
            return header.closed(empty);
        }
        extensionBehindEnd = true;
        try {
            return header.closedWithExtension(empty, FormatExtension.append(io, header, bitmaps, carried));
        } catch (OsException e) {
            if (!Errno.isNoSpace(e.errno()) || !carried.isEmpty()) {
                throw e;
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    name() + ": its bitmaps are lost, no space for them: " + e.getMessage());
            clusters.cutSurplus();
            return header.closed(empty);
        }
    }

    private void writeHeader(ExpandedHeader changed) throws IOException {
        synchronized (headerMonitor) {
            int length = pageBytes(0);
            io.read(0, scratch, 0, length);
            changed.encode(scratch, 0);
            io.write(0, scratch, 0, length);
            header = changed;
        }
    }

    @Override
    public void close() throws IOException {
        io.close();
    }

    @Override
    public String toString() {
        return name() + " (expanded)";
    }
}
