package org.tidemark.ploop.device.attach;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.os.NativeFile;

/**
 * A way to make a {@link BlockDevice} visible to the kernel, in two steps, so that the descriptor which keeps the requests
 * alive can be given into safe hands before the first request exists.
 */
public interface DeviceExporter {
    /** Builds the connection to the kernel. No request can fail yet. */
    Connection open(String deviceId) throws IOException;

    /** The connection of a predecessor that has died: {@code kernelEnd} is its descriptor, which somebody kept. */
    Connection resume(String deviceId, NativeFile kernelEnd);

    /** A connection that nobody serves yet. */
    interface Connection {
        /** The descriptor that must outlive this process. */
        NativeFile kernelEnd();

        /** Serves the device and makes its block device. For a new connection. */
        Attachment attach(BlockDevice device, StateArea area, LoopWindow window) throws IOException;

        /**
         * Settles what the predecessor left, then serves. Its block device is there already; when the predecessor died
         * before it was, {@link Attachment#blockDevice} fails and only {@link Attachment#detach} makes sense.
         */
        Attachment takeOver(BlockDevice device, StateArea area, LoopWindow window) throws IOException;

        /** Undoes {@link #open} when nothing was attached. */
        void abandon() throws IOException;
    }
}
