package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The expanded format: creates images of version 2 and opens them. */
public final class ExpandedFormat implements DeltaFormat {
    public static final String ID = "expanded";

    /**
     * A table up to this size (2 TiB of disk at 1 MiB a cluster) is read as a whole when an image is opened for writing; a
     * larger one while it is open, see {@link ClusterAllocator}.
     */
    static final long SCANNED_AT_OPEN_BYTES = 8L << 20;

    private static final int ZERO_PIECE_BYTES = 1 << 20;
    private static final int FIRST_PAGE_BYTES = 4096;

    @Override
    public String id() {
        return ID;
    }

    @Override
    public boolean probe(ImageIo io) throws IOException {
        AlignedBuffer head = AlignedBuffer.allocate(ExpandedHeader.BYTES);
        io.read(0, head, 0, ExpandedVersion.SIGNATURE_BYTES);
        return ExpandedVersion.of(head, 0) != null;
    }

    @Override
    public int nearestClusterSize(int wantedBytes) {
        int powerOfTwo = Integer.highestOneBit(Math.max(wantedBytes, 1));
        return Math.max(
                ExpandedHeader.MIN_CREATE_SECTORS * DeltaGeometry.SECTOR_BYTES,
                Math.min(powerOfTwo, ExpandedHeader.MAX_CLUSTER_SECTORS * DeltaGeometry.SECTOR_BYTES));
    }

    @Override
    public void create(ImageIo io, DeltaGeometry geometry) throws IOException {
        create(io, geometry, ExpandedLayout.USUAL);
    }

    /**
     * Lays out an empty image of either version. Table first, then the size, signature last: a crash before the end leaves
     * a file that is no image.
     */
    public void create(ImageIo io, DeltaGeometry geometry, ExpandedLayout layout) throws IOException {
        requireCreatable(io.name(), geometry, layout);
        ExpandedHeader header = ExpandedHeader.fresh(layout.version(), geometry);
        ClusterGrid grid = header.grid();
        io.truncate(header.dataStartBytes());
        // Real zeros, not a hole: the old kernel driver wants every block of the table allocated.
        AlignedBuffer piece = AlignedBuffer.allocate(ZERO_PIECE_BYTES);
        for (long at = 0; at < header.dataStartBytes(); at += ZERO_PIECE_BYTES) {
            int length = (int) Math.min(ZERO_PIECE_BYTES, header.dataStartBytes() - at);
            if (layout.preallocated()) {
                identity(header, at, piece, length);
            }
            io.write(at, piece, 0, length);
        }
        if (layout.preallocated()) {
            io.zero(header.dataStartBytes(), header.entries() * grid.clusterBytes());
        }
        io.flush();
        io.read(0, piece, 0, FIRST_PAGE_BYTES);
        header.encode(piece, 0);
        io.write(0, piece, 0, FIRST_PAGE_BYTES);
        io.flush();
    }

    /** The table of a preallocated image: cluster {@code i} of the disk lies in cluster {@code i} of the data area. */
    private static void identity(ExpandedHeader header, long position, AlignedBuffer dst, int length) {
        ClusterGrid grid = header.grid();
        for (int at = position == 0 ? ExpandedHeader.BYTES : 0; at + 4 <= length; at += 4) {
            long cluster = (position + at - ExpandedHeader.BYTES) / 4;
            boolean onDisk = cluster < header.entries();
            dst.putInt(at, onDisk ? grid.entryOf(grid.firstDataCluster() + cluster) : 0);
        }
    }

    @Override
    public void grow(ImageIo io, DeltaGeometry to) throws IOException {
        new ExpandedGrowth(io, readHeader(io)).run(to);
    }

    @Override
    public void shrink(ImageIo io, DeltaGeometry to) throws IOException {
        new ExpandedShrink(io, readHeader(io)).run(to);
    }

    @Override
    public void growOpen(ImageIo io, DeltaGeometry to, AllocationCursor cursor, Runnable noWayBack) throws IOException {
        new ExpandedGrowth(io, readHeader(io)).runOpen(to, cursor, noWayBack);
    }

    private static void requireCreatable(String name, DeltaGeometry geometry, ExpandedLayout layout)
            throws ImageException {
        int clusterSectors = geometry.clusterSizeBytes() / DeltaGeometry.SECTOR_BYTES;
        if (Integer.bitCount(clusterSectors) != 1
                || clusterSectors < ExpandedHeader.MIN_CREATE_SECTORS
                || clusterSectors > ExpandedHeader.MAX_CLUSTER_SECTORS) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    name + ": cluster size " + geometry.clusterSizeBytes()
                            + " is not a power of two between 32 KiB and 64 MiB");
        }
        if (geometry.clusters() > ExpandedHeader.MAX_ENTRIES) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    name + ": a disk of " + geometry.diskSizeBytes() + " bytes needs " + geometry.clusters()
                            + " clusters, possible are " + ExpandedHeader.MAX_ENTRIES + "; use larger clusters");
        }
        if (layout.version() == ExpandedVersion.V1
                && geometry.diskSizeBytes() / DeltaGeometry.SECTOR_BYTES > ExpandedHeader.MAX_V1_SECTORS) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    name + ": a disk of " + geometry.diskSizeBytes()
                            + " bytes is too large for version 1, which ends at 2 TiB; use version 2");
        }
        if (layout.preallocated()
                && ExpandedHeader.fresh(layout.version(), geometry).grid().firstDataCluster() + geometry.clusters() - 1
                        > ExpandedHeader.fresh(layout.version(), geometry)
                                .grid()
                                .lastCluster()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    name + ": version 1 cannot name the last clusters of a preallocated disk of "
                            + geometry.diskSizeBytes() + " bytes; use version 2");
        }
    }

    /** Reads and validates the header of a file, with what the file's size says about it. */
    public static ExpandedHeader readHeader(ImageIo io) throws IOException {
        long size = io.size();
        AlignedBuffer head = AlignedBuffer.allocate(ExpandedHeader.BYTES);
        io.read(0, head, 0, ExpandedHeader.BYTES);
        ExpandedHeader header = ExpandedHeader.decode(io.name(), head, 0);
        header.validate(io.name());
        if (header.leavesDataStartOpen() && size >= header.tableEndBytes()) {
            header = TableScan.locateClusters(io, header);
        }
        if (size < header.dataStartBytes()) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": truncated: " + size + " bytes, but the table alone ends at "
                            + header.dataStartBytes());
        }
        return header;
    }

    @Override
    public Delta open(ImageIo io, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor) throws IOException {
        boolean writable = intent != OpenIntent.READ;
        if (writable && !io.writable()) {
            throw new ImageException(ImageException.Kind.READ_ONLY, io.name() + ": open for reading only");
        }
        ExpandedHeader header = readHeader(io);
        if (clusterSizeBytes != 0 && clusterSizeBytes != header.clusterSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": clusters have " + header.clusterSizeBytes() + " bytes, expected were "
                            + clusterSizeBytes);
        }
        TableScan.requireNoneBehindDisk(io, header);
        List<FormatExtension.Feature> carried = requireExtension(io, header, writable);
        if (!writable) {
            return ExpandedDelta.readOnly(io, header);
        }
        switch (intent) {
            case READ -> throw new IllegalStateException();
            case WRITE -> prepareWrite(io, header, cursor);
            case TAKE_OVER -> prepareTakeOver(io, header, cursor);
            case RECOVER -> TableScan.recover(io, header, cursor);
        }
        return ExpandedDelta.writable(
                io, header, new ClusterAllocator(io, header, cursor, intent != OpenIntent.TAKE_OVER), carried);
    }

    /**
     * Bitmaps of changes that are stored when the delta is marked closed, if it is an expanded one: they are of its disk as
     * it is then. As many as fit; the others are lost.
     */
    public static void storeWhenClosed(Delta delta, List<StoredBitmap> bitmaps) {
        if (delta instanceof ExpandedDelta expanded) {
            expanded.storeAtClose(bitmaps);
        }
    }

    /** What is wrong with the format extension that the header names; empty when nothing is. */
    public static Optional<String> extensionFault(ImageIo io, ExpandedHeader header) throws IOException {
        try {
            FormatExtension.readWithoutBits(io, header);
            return Optional.empty();
        } catch (ImageException e) {
            return Optional.ofNullable(e.getMessage());
        }
    }

    /** Refuses what only a program may open that knows more than we do; tells what a writer has to carry along. */
    private static List<FormatExtension.Feature> requireExtension(ImageIo io, ExpandedHeader header, boolean writable)
            throws IOException {
        if (!header.extensionTrusted()) {
            return List.of();
        }
        FormatExtension extension;
        try {
            extension = FormatExtension.readWithoutBits(io, header);
        } catch (ImageException e) {
            if (writable) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        e.getMessage() + "; the image can be opened for reading, or repaired with image check",
                        e);
            }
            return List.of();
        }
        if (extension.isForbidding()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": uses a necessary feature of the format extension that this version does not know");
        }
        if (writable && !extension.canBeCarried()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": has features in its format extension that a writer must keep, too large for that;"
                            + " it can be read");
        }
        return extension.transit();
    }

    /** A short cluster at the end may be in the table (other writers leave such) or not: kept and made whole either way. */
    private static void prepareWrite(ImageIo io, ExpandedHeader header, AllocationCursor cursor) throws IOException {
        if (header.inUse()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name()
                            + ": was not closed: either it is open on another host, or its host crashed. When nobody has"
                            + " it open, run image check and attach it with --recover");
        }
        long size = io.size();
        ClusterGrid grid = header.grid();
        long clusters = grid.startedClusters(size);
        if (header.tableEndBytes() <= SCANNED_AT_OPEN_BYTES) {
            // Before the first change: a file that is cut off stays as it is, for those who can mend it.
            TableScan.requireEntries(io, header, clusters);
            if (grid.positionBytes(clusters) != size) {
                io.truncate(grid.positionBytes(clusters));
            }
        }
        // Of a large table nothing is known yet. Until it was read no cluster is handed out and none is given back: all
        // that can change is the mark, and data in clusters that were found to be in the file. The file stays as long
        // as it is.
        cursor.set(clusters);
    }

    private static void prepareTakeOver(ImageIo io, ExpandedHeader header, AllocationCursor cursor) throws IOException {
        long next = cursor.get();
        long fileClusters = header.grid().startedClusters(io.size());
        if (header.extensionTrusted() && next >= header.firstDataCluster() && next < fileClusters) {
            // A predecessor that was killed after it had closed the image: what lies behind its cursor is the
            // extension.
            // Nothing of that is handed out before somebody opens the image anew and finds that no entry names it.
            cursor.set(fileClusters);
            return;
        }
        if (next < header.firstDataCluster() || next > fileClusters || (!header.inUse() && next != fileClusters)) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": cannot be taken over: the predecessor left off at cluster " + next
                            + ", the file has " + fileClusters + " clusters and is marked "
                            + (header.inUse() ? "in use" : "closed"));
        }
        // A predecessor that was killed while it closed the image had moved the clusters from there on and not cut the
        // file yet; what is handed out next must read as zeros.
        long endBytes = header.grid().positionBytes(next);
        if (io.size() > endBytes) {
            io.truncate(endBytes);
        }
    }
}
