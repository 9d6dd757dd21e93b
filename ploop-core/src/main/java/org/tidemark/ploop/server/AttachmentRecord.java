package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.LoopWindow;

/**
 * What a successor must know of a device: written before anything of it exists, replaced as a whole at each step.
 *
 * @param sizeBytes size of the disk; 0 while it is not open yet
 */
record AttachmentRecord(
        AttachRequest request, Phase phase, LoopWindow window, long sizeBytes, int blockBytes, boolean writable) {
    static final int VERSION = 1;

    enum Phase {
        /** Under way; whoever asked for it has no answer yet. A successor undoes it. */
        ATTACHING,
        ATTACHED,
        /** Under way. A successor finishes it when the kernel has let go, else goes on serving. */
        DETACHING
    }

    static AttachmentRecord begin(AttachRequest request) {
        return new AttachmentRecord(request, Phase.ATTACHING, LoopWindow.WHOLE, 0, 512, !request.readOnly());
    }

    AttachmentRecord with(Phase next) {
        return new AttachmentRecord(request, next, window, sizeBytes, blockBytes, writable);
    }

    AttachmentRecord with(AttachRequest changed) {
        return new AttachmentRecord(changed, phase, window, sizeBytes, blockBytes, writable);
    }

    AttachmentRecord with(BlockDevice device, LoopWindow shown) {
        return new AttachmentRecord(
                request, phase, shown, device.sizeBytes(), device.blockSizeBytes(), device.writable());
    }

    private static Path file(Path deviceFolder) {
        return deviceFolder.resolve("record.json");
    }

    /** Empty when the folder has none: then nothing of the device exists. */
    static Optional<AttachmentRecord> read(Path deviceFolder) throws IOException {
        Path file = file(deviceFolder);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Fields fields = Fields.parse(Files.readString(file));
        if (fields.number("version") > VERSION) {
            throw new IOException(file + ": written by a newer version of the device server");
        }
        return Optional.of(new AttachmentRecord(
                AttachRequest.of(fields.object("request")),
                Phase.valueOf(fields.text("phase")),
                new LoopWindow(fields.number("windowOffset"), fields.number("windowLength")),
                fields.number("sizeBytes"),
                (int) fields.number("blockBytes"),
                fields.flag("writable")));
    }

    void write(Path deviceFolder) throws IOException {
        Fields fields = Fields.of(
                "version",
                VERSION,
                "request",
                request.toFields().values(),
                "phase",
                phase.name(),
                "windowOffset",
                window.offsetBytes(),
                "windowLength",
                window.lengthBytes(),
                "sizeBytes",
                sizeBytes,
                "blockBytes",
                blockBytes,
                "writable",
                writable);
        RunFolder.replace(file(deviceFolder), fields.toJson());
    }

    static void remove(Path deviceFolder) throws IOException {
        Files.deleteIfExists(RunFolder.replacement(file(deviceFolder)));
        Files.deleteIfExists(file(deviceFolder));
    }
}
