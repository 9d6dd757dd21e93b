package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.UnixSocket;

/**
 * A promise by the holder to thaw a file system if this process does not. Arm it before the freeze, call it off after the
 * thaw; should this process die or be late, the holder thaws. For one thread.
 */
public final class FreezeWatch implements Closeable {
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final long RETRY_NANOS = 50_000_000;

    private final UnixSocket socket;
    private boolean over;

    private FreezeWatch(UnixSocket socket) {
        this.socket = socket;
    }

    /**
     * On return the holder watches. {@code directory} is any open folder of the file system. A holder that was killed is
     * waited for: nothing is frozen yet, and its successor comes within a second.
     */
    public static FreezeWatch arm(RunFolder run, NativeFile directory, Duration deadline) throws IOException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                return armNow(run, directory, deadline);
            } catch (IOException e) {
                if (System.nanoTime() - end >= 0) {
                    throw new IOException(
                            "the holder does not answer, and nothing is frozen without it: " + e.getMessage()
                                    + ". The device server starts it again; see its log in the run folder",
                            e);
                }
            }
            LockSupport.parkNanos(RETRY_NANOS);
        }
    }

    private static FreezeWatch armNow(RunFolder run, NativeFile directory, Duration deadline) throws IOException {
        UnixSocket socket = UnixSocket.connect(run.holderSocket(), HolderMessages.LIMIT);
        try {
            Fields question = Fields.of(HolderMessages.VERB, HolderMessages.FREEZE_ARM, "millis", deadline.toMillis());
            HolderMessages.ask(socket, question, List.of(directory));
            return new FreezeWatch(socket);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Ends the watch, after this process has thawed. True when the holder had to thaw before: then what was done "while
     * frozen" was not. An exception means that the holder is gone and nobody knows.
     */
    public boolean callOff() throws IOException {
        over = true;
        try {
            Fields question = Fields.of(HolderMessages.VERB, HolderMessages.FREEZE_CALL_OFF);
            return HolderMessages.ask(socket, question, List.of()).fields().flag("thawed");
        } finally {
            socket.close();
        }
    }

    /** Without {@link #callOff}, the holder thaws now. */
    @Override
    public void close() {
        if (!over) {
            over = true;
            socket.close();
        }
    }
}
