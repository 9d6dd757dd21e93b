package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.format.expanded.ClusterGrid;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.expanded.FormatExtension;
import org.tidemark.ploop.format.expanded.TableScan;
import org.tidemark.ploop.format.expanded.VersionConversion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Mends one expanded file that nobody has open, so that a check finds no damage and no warning any more. What {@link
 * Finding#repair} says is what is done.
 *
 * <pre>
 *   1  header saved, undo file and its name durable
 *   2  header marked in use, sync
 *   3  file made whole, sync
 *   4  entries that point nowhere are cleared, for each piece of the table: the piece saved, sync | written, sync
 *   5  for each piece of the table: copies of clusters behind the end of the file, sync | the piece saved, sync | written, sync
 *   6  header as it shall be, closed, sync | the undo file closed, sync
 * </pre>
 *
 * A crash anywhere leaves the image as it was, or marked in use with some of its faults: the repair is started again. Copies
 * that no entry names yet are leaked clusters. The file grows only when no entry points behind its end any more, or a repair
 * that is started again would take a copy for that entry's cluster.
 */
public final class ExpandedRepair {
    private static final int TABLE_PIECE_BYTES = 64 << 10;
    private static final int COPY_BYTES = 1 << 20;
    private static final int HEADER_SECTOR_BYTES = 512;

    private final ImageIo io;
    private final ExpandedHeader header;
    private final ClusterGrid grid;
    private final UndoFile undo;
    private final AlignedBuffer copy = AlignedBuffer.allocate(COPY_BYTES);
    private final long oldBytes;
    private final long oldClusters;
    private final ClusterSet named;
    private long next;
    private long cleared;
    private long copied;
    private long padding;

    private ExpandedRepair(ImageIo io, ExpandedHeader header, UndoFile undo) throws IOException {
        this.io = io;
        this.header = header;
        this.grid = header.grid();
        this.undo = undo;
        this.oldBytes = io.size();
        this.oldClusters = grid.startedClusters(oldBytes);
        this.named = new ClusterSet(io.name(), oldClusters);
        this.next = oldClusters;
    }

    /** A name for an undo file that does not exist yet. */
    public static String freeUndoName(ImageDirectory folder, String file) throws IOException {
        for (int number = 1; ; number++) {
            String name = file + ".undo-" + number;
            if (!folder.exists(name)) {
                return name;
            }
        }
    }

    /** Repairs a file that nothing else tells the disk's size of; durable on return. The caller holds its lock exclusively. */
    public static RepairOutcome run(ImageDirectory folder, String file, String undoName) throws IOException {
        return run(folder, file, undoName, Long.MAX_VALUE);
    }

    /**
     * The same of one level of a chain.
     *
     * @param mostDiskBytes what the level above, or the descriptor, says: the disk is not larger
     */
    public static RepairOutcome run(ImageDirectory folder, String file, String undoName, long mostDiskBytes)
            throws IOException {
        List<String> steps = new ArrayList<>();
        if (VersionConversion.goBack(List.of(new VersionConversion.Place(folder, file)))) {
            steps.add("went back to the version before an interrupted conversion");
        }
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            if (TableScan.firstBehindDisk(io, header) >= 0) {
                header = header.withDiskOfWholeTable(mostDiskBytes);
                steps.add("the disk is as large as its table, or what lies above it, says: "
                        + header.geometry().diskSizeBytes() + " bytes");
            }
            try (UndoFile undo = UndoFile.create(folder, undoName, file, io.size())) {
                undo.save(io, 0, HEADER_SECTOR_BYTES);
                undo.flush();
                ExpandedRepair repair = new ExpandedRepair(io, header, undo);
                repair.go();
                repair.tell(steps);
            }
        }
        return new RepairOutcome(steps, undoName);
    }

    private void go() throws IOException {
        boolean keepExtension = header.extensionTrusted()
                && ExpandedFormat.extensionFault(io, header).isEmpty();
        writeHeader(header.repaired(ExpandedHeader.MARK_IN_USE, false, keepExtension));
        long whole = grid.positionBytes(oldClusters);
        if (io.size() < whole) {
            io.truncate(whole);
            io.flush();
        }
        long end = header.dataStartBytes();
        AlignedBuffer piece = AlignedBuffer.allocate(TABLE_PIECE_BYTES);
        for (boolean copying : new boolean[] {false, true}) {
            for (long at = 0; at < end; at += TABLE_PIECE_BYTES) {
                repairPiece(at, (int) Math.min(TABLE_PIECE_BYTES, end - at), piece, copying);
            }
        }
        keepExtension = keepExtension && extensionStandsAlone();
        int mark = keepExtension ? ExpandedHeader.MARK_CLOSED_V21 : ExpandedHeader.MARK_CLOSED;
        writeHeader(header.repaired(mark, named.size() + copied == 0, keepExtension));
        undo.finish(io, UndoSubject.EXPANDED);
    }

    private boolean extensionStandsAlone() throws IOException {
        for (long cluster : FormatExtension.readWithoutBits(io, header).clusters()) {
            if (cluster < oldClusters && named.contains(cluster)) {
                return false;
            }
        }
        return true;
    }

    private void writeHeader(ExpandedHeader changed) throws IOException {
        AlignedBuffer sector = AlignedBuffer.allocate(HEADER_SECTOR_BYTES);
        io.read(0, sector, 0, HEADER_SECTOR_BYTES);
        changed.encode(sector, 0);
        io.write(0, sector, 0, HEADER_SECTOR_BYTES);
        io.flush();
    }

    private void repairPiece(long position, int length, AlignedBuffer piece, boolean copying) throws IOException {
        io.read(position, piece, 0, length);
        boolean changed = false;
        boolean copies = false;
        for (int at = position == 0 ? ExpandedHeader.BYTES : 0; at + 4 <= length; at += 4) {
            int entry = piece.getInt(at);
            if (entry == 0) {
                continue;
            }
            long before = copied;
            long virtual = (position + at - ExpandedHeader.BYTES) / 4;
            int right = copying ? ownEntry(entry) : clearedEntry(virtual, entry);
            if (right != entry) {
                piece.putInt(at, right);
                changed = true;
                copies |= copied != before;
            }
        }
        if (copies) {
            io.flush();
        }
        if (changed) {
            undo.save(io, position, length);
            undo.flush();
            io.write(position, piece, 0, length);
            io.flush();
        }
    }

    /** The entry, or 0 when it points nowhere. */
    private int clearedEntry(long virtualCluster, int entry) {
        if (virtualCluster >= header.entries()) {
            padding++;
            return 0;
        }
        long cluster = grid.clusterOf(entry);
        if (cluster == ClusterGrid.MISALIGNED) {
            long position = Integer.toUnsignedLong(entry) * 512;
            if (position < header.dataStartBytes() || position >= oldBytes) {
                cleared++;
                return 0;
            }
            if (position + grid.clusterBytes() > grid.positionBytes(oldClusters)) {
                // What it reaches into behind the end reads as zeros, also for a repair that is started again.
                next = oldClusters + 1;
            }
            return entry;
        }
        if (entry == 0xFFFFFFFF || cluster < grid.firstDataCluster() || cluster >= oldClusters) {
            cleared++;
            return 0;
        }
        return entry;
    }

    /** The entry, or that of a copy of its cluster where it must not share it with another. */
    private int ownEntry(int entry) throws IOException {
        long cluster = grid.clusterOf(entry);
        if (cluster == ClusterGrid.MISALIGNED) {
            return copyFrom(Integer.toUnsignedLong(entry) * 512);
        }
        return named.add(cluster) ? entry : copyFrom(grid.positionBytes(cluster));
    }

    private int copyFrom(long position) throws IOException {
        if (next > grid.lastCluster()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, io.name() + ": the format has no more cluster numbers");
        }
        io.truncate(grid.positionBytes(next + 1));
        long target = grid.positionBytes(next);
        for (int at = 0; at < grid.clusterBytes(); at += COPY_BYTES) {
            int length = (int) Math.min(Math.min(COPY_BYTES, grid.clusterBytes() - at), oldBytes - position - at);
            if (length <= 0) {
                break;
            }
            io.read(position + at, copy, 0, length);
            if (!copy.isZero(0, length)) {
                io.write(target + at, copy, 0, length);
            }
        }
        copied++;
        return grid.entryOf(next++);
    }

    private void tell(List<String> steps) {
        if (cleared > 0) {
            steps.add(cleared + " entries that pointed nowhere were cleared");
        }
        if (copied > 0) {
            steps.add(copied + " clusters were copied, so that each has one owner and a place of its own");
        }
        if (padding > 0) {
            steps.add(padding + " words behind the last entry were zeroed");
        }
        if (oldBytes != grid.positionBytes(oldClusters)) {
            steps.add("the last cluster was made whole");
        }
        if (header.inUse()) {
            steps.add("the mark of use was cleared");
        }
        if (header.extensionSectors() != 0) {
            steps.add("the format extension was examined; a broken or stale one is dropped");
        }
        if (steps.isEmpty()) {
            steps.add("nothing had to be changed");
        }
    }
}
