package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.format.qcow2.L1Place;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.TableRepair;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Mends one qcow2 file that nobody has open, so that a check finds nothing any more. What {@link Finding#repair} says is what
 * is done; {@link TableRepair} tells in which order. Everything is durable in the undo file before it is changed.
 *
 * <p>A crash anywhere leaves the image with some of its faults, in version 3 marked corrupt: the repair is started again.
 */
public final class Qcow2Repair {
    private static final int FIRST_SECTOR_BYTES = 512;

    private Qcow2Repair() {}

    /**
     * Repairs; durable on return. The caller holds the file's lock exclusively. One that was broken off goes on: what it counted
     * ahead says nothing about the L1 table, which was the right one when it began.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind DAMAGED when the header itself names no tables, or an
     *     L1 table that cannot be the right one
     */
    public static RepairOutcome run(ImageDirectory folder, String file, String undoName) throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            TableRepair.requireHeader(io);
            Optional<String> loss = L1Place.lossOfRepair(io, Qcow2Header.read(io));
            if (loss.isPresent() && !UndoFile.isUnfinished(folder, file)) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        io.name() + ": cannot be repaired, because " + loss.get() + ": they would be overwritten."
                                + " Restore it from a backup, or put the place of the L1 table in the header right");
            }
            try (UndoFile undo = UndoFile.create(folder, undoName, file, io.size())) {
                undo.save(io, 0, FIRST_SECTOR_BYTES);
                undo.flush();
                List<String> steps = TableRepair.run(new UndoRecorder(io, undo));
                undo.finish(io, UndoSubject.QCOW2);
                return new RepairOutcome(steps, undoName);
            }
        }
    }
}
