package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Deletes an internal snapshot. The disk and all other snapshots stay what they are.
 *
 * <pre>
 *   table without it, durable | header names that table, durable = COMMIT | counts of what only the snapshot named go down
 *   | entries of the disk that are the only ones now say so, durable
 *   crash before the commit: nothing has changed; after it: the snapshot is gone, some counts are too high
 * </pre>
 */
public final class SnapshotDelete {
    private SnapshotDelete() {}

    /**
     * Deletes; durable on return. Nobody else has the image open.
     *
     * @param idOrName id of the snapshot, or its name
     * @throws ImageException of kind INVALID_REQUEST when there is no such snapshot, DAMAGED when the tables are not sound
     */
    public static void run(ImageIo io, String idOrName) throws IOException {
        Editing editing = Editing.begin(io);
        Qcow2Header header = editing.header;
        Snapshot snapshot = Snapshot.find(io, header, idOrName);
        requireSound(io, editing);
        SnapshotTable table = SnapshotTable.read(io, header);
        long oldBytes = table.bytes();
        table.remove(snapshot);
        editing.mark.setForTables();
        long position = table.snapshots().isEmpty()
                ? 0
                : editing.clusters.reserveRun(editing.clustersOf(table.bytes())) << header.clusterBits();
        table.writeAt(position);

        TreeReferences references = new TreeReferences(io, header, editing.clusters);
        for (long entry : references.entries(snapshot.l1Offset(), snapshot.l1Entries())) {
            references.change(entry, false);
        }
        release(editing, snapshot.l1Offset(), Integer.toUnsignedLong(snapshot.l1Entries()) * 8);
        release(editing, header.snapshotTableOffset(), oldBytes);
        io.flush();
        new OwnershipRepair(io, Qcow2Header.read(io)).run();
        editing.finish();
    }

    private static void release(Editing editing, long offset, long bytes) throws IOException {
        long first = offset >>> editing.header.clusterBits();
        for (int i = 0; i < editing.clustersOf(bytes); i++) {
            editing.clusters.release(first + i);
        }
    }

    /** Counts go down: each must be as high as it has to be, or what is let go of would be somebody else's. */
    private static void requireSound(ImageIo io, Editing editing) throws IOException {
        new ReferenceWalk(io, editing.header, new ReferenceWalk.Visitor() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long firstCluster, long count)
                            throws IOException {
                        for (long one = firstCluster; one < firstCluster + count; one++) {
                            if (editing.clusters.references(one) == 0) {
                                throw ReferenceWalk.refuse(
                                        io, owner, index, "names cluster " + one + ", which is counted 0 times");
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
