package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
    private final AlignedBuffer l2;

    private SnapshotRestore(ImageIo io, Editing editing) {
        this.io = io;
        this.editing = editing;
        this.header = editing.header;
        this.l2 = AlignedBuffer.allocate(header.clusterSizeBytes());
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
        long[] tables = entries(snapshot.l1Offset(), snapshot.l1Entries());
        for (long entry : tables) {
            change(entry, true);
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

        for (long entry : entries(header.l1Offset(), header.l1Entries())) {
            change(entry, false);
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

    private long[] entries(long offset, int count) throws IOException {
        List<Long> found = new ArrayList<>();
        AlignedBuffer piece = AlignedBuffer.allocate(4096);
        for (long at = 0; at < count * 8L; at += 4096) {
            int length = (int) Math.min(4096, count * 8L - at);
            io.read(offset + at, piece, 0, length);
            for (int i = 0; i < length; i += 8) {
                found.add(Long.reverseBytes(piece.getLong(i)));
            }
        }
        return found.stream().mapToLong(Long::longValue).toArray();
    }

    /** One reference more, or one less, for the L2 table of an L1 entry and all that it names. */
    private void change(long l1Entry, boolean more) throws IOException {
        long table = l1Entry & L2Entry.OFFSET;
        if (table == 0) {
            return;
        }
        io.read(table, l2, 0, header.clusterSizeBytes());
        boolean claimed = false;
        for (int at = 0; at < header.clusterSizeBytes(); at += header.l2EntryBytes()) {
            long entry = Long.reverseBytes(l2.getLong(at));
            if (more && (entry & L2Entry.COPIED) != 0) {
                l2.putLong(at, Long.reverseBytes(entry & ~L2Entry.COPIED));
                claimed = true;
            }
            if ((entry & L2Entry.COMPRESSED) != 0) {
                int bits = header.clusterBits();
                long offset = L2Entry.compressedOffset(entry, bits);
                long last = offset + L2Entry.compressedBytes(entry, bits) - 1;
                for (long cluster = offset >>> bits; cluster <= last >>> bits; cluster++) {
                    changeCluster(cluster, more);
                }
            } else if (L2Entry.offset(entry) != 0) {
                changeCluster(L2Entry.offset(entry) >>> header.clusterBits(), more);
            }
        }
        if (claimed) {
            // Two tables will lead here: no entry may call its cluster its own.
            io.write(table, l2, 0, header.clusterSizeBytes());
        }
        changeCluster(table >>> header.clusterBits(), more);
    }

    private void changeCluster(long cluster, boolean more) throws IOException {
        if (more) {
            editing.clusters.addReference(cluster);
        } else {
            editing.clusters.release(cluster);
        }
    }
}
