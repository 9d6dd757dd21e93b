package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.Attachment;
import org.tidemark.ploop.device.attach.DeviceExporter;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.NativeFile;

/** A FUSE mount and its descriptor. */
record FuseConnection(Path mountPoint, NativeFile kernelEnd, int threadCount) implements DeviceExporter.Connection {
    /** The largest FUSE request. A larger loop request would be cut into a large and a small one. */
    private static final int REQUEST_KIBIBYTES = FuseWire.MAX_PAYLOAD_BYTES / 1024;

    private static final Duration UNDO_LIMIT = Duration.ofSeconds(5);

    @Override
    public Attachment attach(BlockDevice device, StateArea area, LoopWindow window) throws IOException {
        FuseServer server = FuseServer.start(device, window, area, new DevFuse(kernelEnd), threadCount);
        FuseAttachment attachment = new FuseAttachment(mountPoint, kernelEnd, server);
        try {
            attachment.bind(bindLoop(device, window, server.file().sizeBytes()));
            return attachment;
        } catch (IOException | RuntimeException e) {
            try {
                attachment.detach(UNDO_LIMIT);
            } catch (IOException undo) {
                e.addSuppressed(undo);
            }
            throw e;
        }
    }

    private LoopDevice bindLoop(BlockDevice device, LoopWindow window, long fileSizeBytes) throws IOException {
        boolean readOnly = !device.writable();
        int access = readOnly ? NativeFile.READ_ONLY : NativeFile.READ_WRITE;
        try (NativeFile image = NativeFile.open(mountPoint, access, 0)) {
            // Asks the server: before that the kernel takes the file for empty, and older ones (6.1) do not ask
            // themselves
            // when a loop device is bound.
            long sizeBytes = image.size();
            if (sizeBytes != fileSizeBytes) {
                throw new IOException(
                        mountPoint + ": the kernel sees " + sizeBytes + " bytes of a file of " + fileSizeBytes);
            }
            // No limit beside the end of the file: a loop device whose file system is mounted lets nobody change its
            // limit.
            LoopDevice.Shape shape = new LoopDevice.Shape(window.offsetBytes(), 0, device.blockSizeBytes(), readOnly);
            LoopDevice loop = LoopDevice.attach(image, shape);
            loop.limitRequests(REQUEST_KIBIBYTES);
            return loop;
        }
    }

    @Override
    public Attachment takeOver(BlockDevice device, StateArea area, LoopWindow window) throws IOException {
        FuseServer server = FuseServer.resume(device, window, area, new DevFuse(kernelEnd), threadCount);
        FuseAttachment attachment = new FuseAttachment(mountPoint, kernelEnd, server);
        List<LoopDevice> loops = LoopDevice.over(mountPoint);
        if (!loops.isEmpty()) {
            attachment.bind(loops.get(0));
        }
        return attachment;
    }

    @Override
    public void abandon() throws IOException {
        FuseLoopExporter.removeDeadMount(mountPoint);
        kernelEnd.close();
    }
}
