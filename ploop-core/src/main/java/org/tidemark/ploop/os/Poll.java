package org.tidemark.ploop.os;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;

/** Waiting for one descriptor, always with a limit. */
public final class Poll {
    public static final short READABLE = 1;
    public static final short WRITABLE = 4;
    public static final short HANG_UP = 16;

    private Poll() {}

    /** Waits until one of {@code events} (or an error or hang-up) is there; returns what is there, 0 after the limit. */
    public static int await(int fd, short events, String name, Duration limit) throws OsException {
        ByteBuffer entry = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            entry.putInt(0, fd).putShort(4, events).putShort(6, (short) 0);
            long leftNanos = end - System.nanoTime();
            int millis = (int) Math.min(Integer.MAX_VALUE, Math.max(0, (leftNanos + 999_999) / 1_000_000));
            int count = LibC.C.poll(NativeMemory.address(entry), 1, millis);
            int errno = count < 0 ? LibC.errno() : 0;
            Reference.reachabilityFence(entry);
            if (count > 0) {
                return entry.getShort(6);
            }
            if (count < 0 && errno != Errno.EINTR) {
                throw new OsException("poll", name, errno);
            }
            if (end - System.nanoTime() <= 0) {
                return 0;
            }
        }
    }
}
