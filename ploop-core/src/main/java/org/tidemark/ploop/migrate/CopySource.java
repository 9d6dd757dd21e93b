package org.tidemark.ploop.migrate;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.io.ImageIo;

/** A file that is written to while it is copied, and what remembers which parts of it changed. Used by one thread. */
public interface CopySource extends Closeable {
    /** The file, to be read. What it holds for a range is at least as new as it was when the range was taken or cleared. */
    ImageIo file();

    /** The format of the file, for instance {@code expanded}. */
    String formatId();

    /** How long the file is now. */
    long sizeBytes() throws IOException;

    /** Ranges that changed, which count as unchanged from now on; empty when there are none. */
    List<ImageRange> take() throws IOException;

    /** The range counts as unchanged: it is read next. */
    void clear(ImageRange range) throws IOException;

    /** How much has changed and was not taken. */
    long waitingBytes() throws IOException;

    /** Holds writers to about so many bytes a second; 0 for no limit of ours. */
    void throttle(long bytesPerSecond) throws IOException;

    /**
     * Pauses whoever uses the image, and runs {@code body} while everything that was written is in the file and nothing is
     * written. Throws when it was not held so until the end.
     */
    Pause paused(Body body) throws IOException;

    /** What is done meanwhile. */
    @FunctionalInterface
    interface Body {
        void run() throws IOException;
    }

    /**
     * How that went.
     *
     * @param nanos for how long nobody could write
     * @param notice why the file system of the image is not cleanly closed in the copy; empty when it is
     */
    record Pause(long nanos, String notice) {}

    /** Nothing is remembered any more. */
    @Override
    void close() throws IOException;
}
