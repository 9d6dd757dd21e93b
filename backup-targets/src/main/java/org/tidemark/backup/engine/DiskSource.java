package org.tidemark.backup.engine;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.tidemark.backup.repository.log.CbtCheckpoint;

/**
 * One image, frozen at one instant: reading the same place twice gives the same bytes, whatever the container writes
 * meanwhile. When that cannot be kept up any longer (a view broke, its device server died), every read from then on
 * fails; none ever gives later bytes.
 *
 * <p>{@link #read} and {@link #done} are called by several threads at once, the rest by one. The engine does not close
 * sources; who opened them does, after the backup committed or failed, and gives the tracker its bits back when it
 * failed.
 */
public interface DiskSource extends Closeable {
    /** Stable name of the image within its container, the same in every backup. */
    String imageId();

    /** Size of the virtual disk in bytes, more than 0; it need not be a multiple of a chunk. */
    long sizeBytes();

    /** What the ranges mean. */
    ChangeInfo changes();

    /**
     * Where the tracker stands at the instant: what the next increment gives as {@code since}. Empty when there is no
     * tracker; then the next backup is full.
     */
    Optional<CbtCheckpoint> checkpoint();

    /**
     * Gives the ranges: multiples of 4 KiB (the last may end at the end of the disk), ascending, not overlapping. The
     * visitor blocks when the engine is behind, and throws to end the visit.
     */
    void visitRanges(RangeVisitor visitor) throws IOException;

    /**
     * Reads {@code lengthBytes} bytes into {@code dst}, direct, from its position on; the position moves by that. Whole
     * chunks are asked for, cut at the end of the disk, up to 256 KiB at a time: of an increment only chunks that a
     * range touches, but those entirely, and each once.
     *
     * @throws IOException when the bytes of the instant cannot be had; the backup fails then
     */
    void read(long offsetBytes, ByteBuffer dst, int lengthBytes) throws IOException;

    /**
     * Says that this range will not be read (again): keeping its old data (fleecing) may end. Of a full backup every
     * byte is done at last, also what lies between the ranges; of an increment the chunks that were read. Must be quick.
     */
    void done(long offsetBytes, long lengthBytes) throws IOException;

    /** Receives ranges. */
    @FunctionalInterface
    interface RangeVisitor {
        void range(long offsetBytes, long lengthBytes) throws IOException;
    }
}
