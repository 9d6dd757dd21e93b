package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * The clusters of tables that nothing else may lie in: header, active L1 table, snapshot table, L1 tables of snapshots. One
 * that lies in the place of another is moved behind the end of the file.
 */
final class TablePlaces {
    private final ImageIo io;
    private final Qcow2Header header;
    private final FreshClusters fresh;
    private final BitSet taken = new BitSet();
    private int moved;

    TablePlaces(ImageIo io, Qcow2Header header, FreshClusters fresh) {
        this.io = io;
        this.header = header;
        this.fresh = fresh;
    }

    /** Where these tables lie, whether they overlap or not. */
    static BitSet of(ImageIo io, Qcow2Header header) throws IOException {
        BitSet taken = new BitSet();
        taken.set(0);
        add(taken, header, header.l1Offset(), header.l1Entries() * 8L);
        if (header.snapshots() > 0) {
            SnapshotTable table = SnapshotTable.read(io, header);
            add(taken, header, header.snapshotTableOffset(), table.bytes());
            for (Snapshot snapshot : table.snapshots()) {
                add(taken, header, snapshot.l1Offset(), Integer.toUnsignedLong(snapshot.l1Entries()) * 8);
            }
        }
        return taken;
    }

    private static int first(Qcow2Header header, long offset) {
        return (int) (offset >>> header.clusterBits());
    }

    private static int clusters(Qcow2Header header, long bytes) {
        return (int) ((bytes + header.clusterSizeBytes() - 1) >>> header.clusterBits());
    }

    private static void add(BitSet taken, Qcow2Header header, long offset, long bytes) {
        taken.set(first(header, offset), first(header, offset) + clusters(header, bytes));
    }

    /** Moves what overlaps; durable on return. Returns how many tables moved. */
    int separate() throws IOException {
        taken.set(0);
        if (overlaps(header.l1Offset(), header.l1Entries() * 8L)) {
            long to = fresh.copy(header.l1Offset(), clusters(header, header.l1Entries() * 8L));
            AlignedBuffer word = AlignedBuffer.allocate(8);
            word.putLong(0, Long.reverseBytes(to));
            io.write(Qcow2Header.AT_L1_OFFSET, word, 0, 8);
            io.flush();
            moved++;
        } else {
            add(taken, header, header.l1Offset(), header.l1Entries() * 8L);
        }
        if (header.snapshots() > 0) {
            separateSnapshots();
        }
        return moved;
    }

    private void separateSnapshots() throws IOException {
        SnapshotTable table = SnapshotTable.read(io, header);
        Qcow2Header now = header;
        if (overlaps(header.snapshotTableOffset(), table.bytes())) {
            table.write(fresh);
            now = Qcow2Header.read(io);
            moved++;
        } else {
            add(taken, header, header.snapshotTableOffset(), table.bytes());
        }
        long at = now.snapshotTableOffset();
        AlignedBuffer word = AlignedBuffer.allocate(8);
        for (Snapshot.Stored stored : Snapshot.stored(io, now)) {
            Snapshot snapshot = stored.snapshot();
            long bytes = Integer.toUnsignedLong(snapshot.l1Entries()) * 8;
            if (overlaps(snapshot.l1Offset(), bytes)) {
                long to = fresh.copy(snapshot.l1Offset(), Math.max(1, clusters(header, bytes)));
                word.putLong(0, Long.reverseBytes(to));
                io.write(at, word, 0, 8);
                io.flush();
                moved++;
            } else {
                add(taken, header, snapshot.l1Offset(), bytes);
            }
            at += (stored.bytes() + 7) & -8;
        }
    }

    private boolean overlaps(long offset, long bytes) {
        int first = first(header, offset);
        int next = taken.nextSetBit(first);
        return next >= 0 && next < first + clusters(header, bytes);
    }
}
