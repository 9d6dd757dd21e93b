package org.tidemark.ploop.os.nfs;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tidemark.ploop.os.LibC;
import org.tidemark.ploop.os.NativeMemory;

/** What becomes of the bytes that the kernel holds for a connection when that is closed. */
final class UnsentData {
    private static final int SOL_SOCKET = 1;
    private static final int SO_LINGER = 13;

    private UnsentData() {}

    /**
     * Closing the socket, in whatever way, throws away what was not sent and resets the connection. Otherwise the kernel
     * goes on sending for minutes, also for a process that is dead.
     */
    static void discardedAtClose(int fd, String name) throws IOException {
        ByteBuffer linger = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        linger.putInt(0, 1).putInt(4, 0);
        int result = LibC.C.setsockopt(fd, SOL_SOCKET, SO_LINGER, NativeMemory.address(linger), 8);
        Reference.reachabilityFence(linger);
        if (result != 0) {
            throw new IOException(name + ": cannot set SO_LINGER of the connection");
        }
    }
}
