package org.tidemark.ploop.filesystem;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import org.tidemark.ploop.os.NativeFile;

/** Thaws a file system at a deadline, whatever becomes of the process that froze it. Lives in another process. */
public interface FreezeWatchdog {
    /** Starts watching; the file system of {@code folder} is thawed after {@code limit}, or when this process dies. */
    Watch arm(NativeFile folder, Duration limit) throws IOException;

    /** A watch; closing it calls the watchdog off. */
    interface Watch extends Closeable {
        @Override
        void close() throws IOException;
    }
}
