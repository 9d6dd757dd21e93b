package org.tidemark.ploop.device.attach;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A device that the kernel can see. It serves requests by threads of its own from the moment it exists until {@link
 * #detach} has returned or the kernel has taken it away.
 */
public interface Attachment {
    /** The block device, for instance {@code /dev/loop3}. */
    Path blockDevice();

    /** Whether there still is a block device: the kernel may have taken it away while nobody served it. */
    boolean hasBlockDevice();

    /** Whether requests are being served. */
    boolean serving();

    /**
     * Has {@code act} called once when the kernel ends the connection, whoever wanted that, also {@link #detach}. By a thread that
     * serves: it must not wait for anything here.
     */
    void whenEnded(Runnable act);

    /**
     * Shows the kernel more of the disk, which has become larger; what is mounted and open goes on. Does nothing when the
     * kernel shows that already, so it can be repeated after a failure. EBUSY when the kernel keeps the old size.
     */
    void show(LoopWindow window) throws IOException;

    /**
     * Takes the device away from the kernel, waits until no request is left and ends the threads. The {@link
     * org.tidemark.ploop.device.BlockDevice} stays open: closing it is the caller's. EBUSY (as {@link
     * org.tidemark.ploop.os.OsException}) when it is mounted or open: then it goes on serving, and the call can be made
     * again.
     */
    void detach(Duration limit) throws IOException;
}
