package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import org.tidemark.ploop.os.FileSystemFreeze;
import org.tidemark.ploop.os.NativeFile;

/**
 * The holder's side of a freeze: thaws when the deadline passes or the client is gone. The freezing call itself may still be
 * under way at that moment (then there is nothing to thaw yet), so it tries again until it has thawed or was called off.
 * Used by one thread.
 */
final class FreezeGuard implements Closeable {
    /** How often an overdue file system is looked at. */
    static final Duration TRY_EVERY = Duration.ofMillis(20);

    private static final Logger LOG = System.getLogger(FreezeGuard.class.getName());
    private static final Duration AFTER_DISCONNECT = Duration.ofSeconds(60);

    private final NativeFile directory;
    private final long deadlineNanos;
    private boolean thawed;

    FreezeGuard(NativeFile directory, Duration limit) {
        this.directory = directory;
        this.deadlineNanos = System.nanoTime() + limit.toNanos();
    }

    /** How long to wait for the client before {@link #overdue} is due. */
    Duration untilNextLook() {
        if (thawed) {
            return HolderMessages.LIMIT;
        }
        long left = deadlineNanos - System.nanoTime();
        return left > 0 ? Duration.ofNanos(left) : TRY_EVERY;
    }

    /** Whether it had to thaw. */
    boolean thawed() {
        return thawed;
    }

    /** The client said nothing: thaw if it is time. */
    void overdue() {
        if (!thawed && System.nanoTime() - deadlineNanos >= 0) {
            tryThaw("its time was over");
        }
    }

    private void tryThaw(String why) {
        try {
            if (FileSystemFreeze.thaw(directory)) {
                thawed = true;
                LOG.log(Level.WARNING, () -> "thawed a file system by force: " + why);
            }
        } catch (IOException e) {
            LOG.log(Level.ERROR, "thawing a file system by force", e);
        }
    }

    /** The client is done; true when it was thawed by force before. */
    boolean callOff() throws IOException {
        directory.close();
        return thawed;
    }

    /** The client is gone without calling off: whatever it left frozen, or is about to freeze, is thawed. */
    @Override
    public void close() throws IOException {
        long end = System.nanoTime() + AFTER_DISCONNECT.toNanos();
        while (!thawed && System.nanoTime() - end < 0) {
            tryThaw("its freezer went away");
            if (!thawed) {
                java.util.concurrent.locks.LockSupport.parkNanos(TRY_EVERY.toNanos());
            }
        }
        directory.close();
    }
}
