package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.Snapshot;
import org.tidemark.ploop.format.qcow2.SnapshotDelete;
import org.tidemark.ploop.format.qcow2.SnapshotRestore;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/** The snapshots that other programs keep inside the file of a qcow2 image. Tidemark makes none of its own there. */
public final class InternalSnapshots {
    private InternalSnapshots() {}

    /** In the order of their table; none for images of other formats. */
    public static List<Snapshot> list(ChainFiles files) throws IOException {
        if (!OverlaySnapshots.concerns(files)) {
            return List.of();
        }
        ChainFiles.Link top = files.top();
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            return Snapshot.list(io, Qcow2Header.read(io));
        }
    }

    /** Whether one has this id or name. */
    public static boolean has(ChainFiles files, String idOrName) throws IOException {
        return list(files).stream()
                .anyMatch(one -> one.id().equals(idOrName) || one.name().equals(idOrName));
    }

    /**
     * Puts the disk back to what it was at a snapshot, which stays; what the disk is now is lost. Durable on return.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind IN_USE when somebody has the image open
     */
    public static void restore(ChainFiles files, String idOrName) throws IOException {
        ChainFiles.Link top = files.top();
        try (ChainLocks locks = ChainLocks.take(files, true);
                ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
            SnapshotRestore.run(io, idOrName);
        }
    }

    /** Deletes a snapshot; the disk stays what it is, and so does its tracker. Durable on return; errors as above. */
    public static void delete(ChainFiles files, String idOrName) throws IOException {
        ChainFiles.Link top = files.top();
        try (ChainLocks locks = ChainLocks.take(files, true)) {
            TrackerBinding tracker = TrackerBinding.ofOverlay(top.directory(), top.fileName());
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
                SnapshotDelete.run(io, idOrName);
            }
            tracker.renew();
        }
    }
}
