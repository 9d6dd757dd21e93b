package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Puts the disk back to what it was at an internal snapshot. What it is now is lost, the snapshot stays.
 *
 * <pre>
 *   counts of what the snapshot names go up | copy of its L1 table, durable | header names the copy and its size, durable
 *   | counts of what the disk named until now go down, durable
 *   crash before the header: the disk is what it was, some counts are too high
 *   crash after it: the disk is what the snapshot is, some counts are too high
 * </pre>
 */
public final class SnapshotRestore {
    private final ImageIo io;
    private final Editing editing;
    private final Qcow2Header header;
    private final TreeReferences references;

    private SnapshotRestore(ImageIo io, Editing editing) {
        this.io = io;
        this.editing = editing;
        this.header = editing.header;
        this.references = new TreeReferences(io, header, editing.clusters);
    }

    /**
     * Restores; durable on return. Nobody else has the image open.
     *
     * @param idOrName id of the snapshot, or its name
     */
    public static void run(ImageIo io, String idOrName) throws IOException {
        Editing editing = Editing.begin(io);
        Snapshot snapshot = Snapshot.find(io, editing.header, idOrName);
        Qcow2Header then =
                snapshot.diskSizeBytes() < 0 ? editing.header : editing.header.withDiskSize(snapshot.diskSizeBytes());
        snapshot.requireTable(io, then);
        new SnapshotRestore(io, editing).restore(snapshot, then);
    }

    private void restore(Snapshot snapshot, Qcow2Header then) throws IOException {
        requireCountable(snapshot);
        editing.mark.set();
        long[] tables = references.entries(snapshot.l1Offset(), snapshot.l1Entries());
        for (long entry : tables) {
            references.change(entry, true);
        }
        long tableBytes = Math.max(snapshot.l1Entries() * 8L, 8);
        int tableClusters = editing.clustersOf(tableBytes);
        long first = editing.clusters.reserveRun(tableClusters);
        AlignedBuffer copy = AlignedBuffer.allocate(tableClusters << header.clusterBits());
        for (int i = 0; i < tables.length; i++) {
            copy.putLong(i * 8, Long.reverseBytes(tables[i] & ~L2Entry.COPIED));
        }
        long newTable = first << header.clusterBits();
        io.write(newTable, copy, 0, tableClusters << header.clusterBits());
        io.flush();

        // Disk size, encryption (none), L1 entries, L1 offset: 24 bytes of the first sector, so they change as one.
        copy.putLong(0, Long.reverseBytes(then.diskSizeBytes()));
        copy.putInt(8, 0);
        copy.putInt(12, Integer.reverseBytes(snapshot.l1Entries()));
        copy.putLong(16, Long.reverseBytes(newTable));
        io.write(Qcow2Header.AT_DISK_SIZE, copy, 0, 24);
        io.flush();

        for (long entry : references.entries(header.l1Offset(), header.l1Entries())) {
            references.change(entry, false);
        }
        long oldFirst = header.l1Offset() >>> header.clusterBits();
        for (int i = 0; i < editing.clustersOf(header.l1Entries() * 8L); i++) {
            editing.clusters.release(oldFirst + i);
        }
        editing.finish();
    }

    /** Every entry is sound and every count has room for one more, or nothing is begun. */
    private void requireCountable(Snapshot snapshot) throws IOException {
        long max = new RefcountTable(io, header).maxCount();
        new ReferenceWalk(io, header, new ReferenceWalk.Visitor() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long firstCluster, long count)
                            throws IOException {
                        boolean grows = owner == ReferenceWalk.Owner.SNAPSHOT_DATA
                                || owner == ReferenceWalk.Owner.SNAPSHOT_L2_TABLE;
                        for (long one = firstCluster; one < firstCluster + count; one++) {
                            long counted = editing.clusters.references(one);
                            // A cluster of compressed data may grow by as many as it has.
                            if (counted == 0 || (grows && counted > max / 2)) {
                                throw new ImageException(
                                        counted == 0 ? ImageException.Kind.DAMAGED : ImageException.Kind.UNSUPPORTED,
                                        io.name() + ": cannot restore '" + snapshot.name() + "': cluster " + one
                                                + " of the file is counted " + counted + " times, at most " + max
                                                + " can be counted");
                            }
                        }
                    }

                    @Override
                    public void broken(ReferenceWalk.Owner owner, long index, String what) throws IOException {
                        throw ReferenceWalk.refuse(io, owner, index, what);
                    }
                })
                .run();
    }
}
