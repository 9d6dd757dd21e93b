package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Mends the tables of an image that nobody has open, so that they contradict each other no more.
 *
 * <pre>
 *   1  marked corrupt (version 3): nobody writes meanwhile
 *   2  lists of snapshots and bitmaps that cannot be read are cut down to what can
 *   3  tables that lie in each other's place move behind the end of the file          {@link TablePlaces}
 *   4  entries that name nothing are cleared; what shares a cluster gets a copy        {@link EntryRepair}
 *   5  entries say COPIED where they are the only ones, and nowhere else               {@link OwnershipRepair}
 *   6  refcount blocks and table are made anew if they lie in somebody's place         {@link RefcountRebuild}
 *      then counts that are too low are raised, then those too high lowered            {@link Recovery}
 *   7  marks cleared
 * </pre>
 *
 * Copies are durable before an entry names them; the old place is let go of by the counts at the end. A crash anywhere: the
 * repair is started again.
 */
public final class TableRepair {
    private final ImageIo io;
    private final List<String> steps = new ArrayList<>();
    private Qcow2Header header;

    private TableRepair(ImageIo io) throws IOException {
        this.io = io;
        this.header = Qcow2Header.read(io);
    }

    /** Throws DAMAGED when the header names no tables, so that there is nothing to begin with. */
    public static void requireHeader(ImageIo io) throws IOException {
        Qcow2Header.read(io);
    }

    /**
     * Repairs; durable on return.
     *
     * @return sentences for people: what was done
     * @throws ImageException of kind UNSUPPORTED when a cluster has more references than its count can tell
     */
    public static List<String> run(ImageIo io) throws IOException {
        TableRepair repair = new TableRepair(io);
        repair.go();
        return repair.steps;
    }

    private void go() throws IOException {
        long oldBytes = io.size();
        boolean dirty = header.dirty();
        boolean corrupt = header.corrupt();
        markCorrupt();
        FreshClusters fresh = new FreshClusters(io, header);
        SnapshotTable snapshots = SnapshotTable.readable(io, header);
        if (!snapshots.sound()) {
            snapshots.write(fresh);
            tell(snapshots.dropped(), "snapshots whose entry or L1 table cannot be read were dropped");
            tell(snapshots.widened(), "entries of the snapshot table got the fields that version 3 asks for");
            header = Qcow2Header.read(io);
        }
        tell(new TablePlaces(io, header, fresh).separate(), "tables that lay in each other's place were moved");
        header = Qcow2Header.read(io);
        if (!bitmapsReadable()) {
            forgetBitmaps();
        }
        EntryRepair entries = new EntryRepair(io, header, fresh);
        entries.run();
        tell(entries.cleared(), "entries that named nothing were cleared");
        tell(entries.corrected(), "entries with bits that mean nothing were put right");
        tell(entries.copied(), "clusters were copied, so that each has one owner");
        if (Occupied.of(io, header).bitmapsOverlap()) {
            forgetBitmaps();
        }
        tell(new OwnershipRepair(io, header).run(), "entries were wrong about being the only one to name a cluster");
        repairCounts(oldBytes);
        if (dirty) {
            steps.add("the mark of use was cleared");
        }
        if (corrupt) {
            steps.add("the mark 'corrupt' was cleared");
        }
        if (steps.isEmpty()) {
            steps.add("nothing had to be changed");
        }
        unmark();
    }

    private void tell(long count, String what) {
        if (count > 0) {
            steps.add(count + " " + what);
        }
    }

    private void repairCounts(long oldBytes) throws IOException {
        Occupied occupied = Occupied.of(io, header);
        if (occupied.refcountsOverlap()) {
            new RefcountRebuild(io, header, occupied.endCluster()).run();
            header = Qcow2Header.read(io);
            steps.add("refcount table and blocks were made anew");
        }
        Recovery.Changes changes = Recovery.keeping(io, header, oldBytes);
        header = Qcow2Header.read(io);
        tell(changes.raised(), "counts that were too low were raised");
        tell(changes.lowered(), "counts that were too high were lowered, the clusters are free");
    }

    private boolean bitmapsReadable() throws IOException {
        try {
            Bitmap.list(io, header);
            return true;
        } catch (ImageException e) {
            return false;
        }
    }

    private void forgetBitmaps() throws IOException {
        write(header.incompatible(), header.autoclear() & ~Qcow2Header.BITMAPS_VALID);
        steps.add("bitmaps that cannot be read, or lie in somebody else's place, were dropped");
    }

    private void markCorrupt() throws IOException {
        if (header.version() >= 3) {
            write(header.incompatible() | Qcow2Header.CORRUPT, header.autoclear());
        }
    }

    private void unmark() throws IOException {
        io.flush();
        if (header.version() >= 3) {
            write(header.incompatible() & ~(Qcow2Header.CORRUPT | Qcow2Header.DIRTY), header.autoclear());
        }
    }

    /** Feature words are in one sector, so they change as one; durable on return. */
    private void write(long incompatible, long autoclear) throws IOException {
        AlignedBuffer words = AlignedBuffer.allocate(24);
        words.putLong(0, Long.reverseBytes(incompatible));
        words.putLong(8, Long.reverseBytes(header.compatible()));
        words.putLong(16, Long.reverseBytes(autoclear & UseMark.KNOWN_AUTOCLEAR));
        io.write(Qcow2Header.AT_FEATURES, words, 0, 24);
        io.flush();
        header = Qcow2Header.read(io);
    }
}
