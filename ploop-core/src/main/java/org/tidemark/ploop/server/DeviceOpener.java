package org.tidemark.ploop.server;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.LoopWindow;

/** Turns a request into a device. Called by several threads at once, for different devices. */
public interface DeviceOpener {
    /** Opens the image. On failure nothing stays open or marked. */
    BlockDevice open(AttachRequest request, OpenContext context) throws IOException;

    /** Which part of the disk becomes the block device; asked once, at the first attach. */
    default LoopWindow window(AttachRequest request, BlockDevice device) throws IOException {
        return LoopWindow.WHOLE;
    }
}
