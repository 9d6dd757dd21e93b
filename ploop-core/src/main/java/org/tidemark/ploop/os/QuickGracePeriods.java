package org.tidemark.ploop.os;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Asks the kernel for expedited RCU grace periods while it is open. FIFREEZE waits for some of them, which is nearly all of
 * its time on a file system that was synced before: 40 ms become a few.
 *
 * <p>Best effort: without the right to, or where the kernel lacks the switch, nothing happens. The switch is the host's;
 * whoever finds it on leaves it alone, whoever turned it on turns it off. A process killed in between leaves it on, which
 * costs the host some interrupts and nothing else.
 */
public final class QuickGracePeriods implements Closeable {
    private static final Path SWITCH = Path.of("/sys/kernel/rcu_expedited");
    private static final Object MONITOR = new Object();
    /** How many are open in this process. Guarded by the monitor. */
    private static int open;

    /** Whether it was this process that turned the switch on. Guarded by the monitor. */
    private static boolean turnedOn;

    private boolean closed;

    private QuickGracePeriods() {}

    public static QuickGracePeriods begin() {
        synchronized (MONITOR) {
            if (open++ == 0) {
                turnedOn = turn("0", "1");
            }
        }
        return new QuickGracePeriods();
    }

    @Override
    public void close() {
        synchronized (MONITOR) {
            if (closed) {
                return;
            }
            closed = true;
            if (--open == 0 && turnedOn) {
                turnedOn = false;
                turn("1", "0");
            }
        }
    }

    private static boolean turn(String from, String to) {
        try {
            if (!Files.isWritable(SWITCH) || !Files.readString(SWITCH).strip().equals(from)) {
                return false;
            }
            Files.writeString(SWITCH, to);
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
