package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.format.qcow2.TableRepair;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
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
     * Repairs; durable on return. The caller holds the file's lock exclusively.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind DAMAGED when the header itself names no tables
     */
    public static RepairOutcome run(ImageDirectory folder, String file, String undoName) throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            TableRepair.requireHeader(io);
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
