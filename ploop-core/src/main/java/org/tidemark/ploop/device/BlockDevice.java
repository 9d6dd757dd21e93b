package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * A virtual disk. Offsets and lengths are bytes on the disk, multiples of {@link #blockSizeBytes()}, within {@link
 * #sizeBytes()}; anything else is an {@link IllegalArgumentException} (exporters check what comes from outside first).
 *
 * <p><b>Durability.</b> What was written, discarded or zeroed before a {@link #flush} began is durable when it returns. Until
 * then a crash of the machine may leave, for each sector, its last durable value or any later one; a kill of the process
 * loses nothing that was acknowledged.
 *
 * <p><b>Errors.</b> {@link org.tidemark.ploop.os.OsException} carries an errno for the client. A device that could not be
 * kept right, or whose disk failed a write for another reason than space, goes to {@link DeviceState#ABORTED}: reads are
 * served, writes fail with {@link org.tidemark.ploop.io.ImageException} of kind READ_ONLY or SUSPECT.
 *
 * <p><b>Threading.</b> All methods may be called by any number of threads. Overlapping writes have no order. Data methods
 * allocate nothing.
 */
public interface BlockDevice extends Closeable {
    /** What messages call the device. */
    String name();

    long sizeBytes();

    /** The size at this moment. {@link #sizeBytes} may lag behind it where the disk is served elsewhere, and grew there. */
    default long currentSizeBytes() {
        return sizeBytes();
    }

    /** 512 or 4096. */
    int blockSizeBytes();

    boolean writable();

    DeviceState state();

    /** What is wrong with it, as a sentence for its operator; empty when nothing is. */
    default String trouble() {
        return "";
    }

    void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException;

    void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException;

    void flush() throws IOException;

    /** The range reads as zeros afterwards, to the byte; its space is given back where possible. */
    void discard(long offsetBytes, long lengthBytes) throws IOException;

    /** As {@link #discard}; a promise about space is not made either way. */
    void writeZeroes(long offsetBytes, long lengthBytes) throws IOException;

    /** Describes the range without gaps, in ascending order, extents clipped to the range and joined where alike. */
    void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException;

    /** Flushes, then lets go of everything. */
    @Override
    void close() throws IOException;

    /** Receives one extent; {@code zero} means it reads as zeros (hole or known zeros). */
    @FunctionalInterface
    interface ExtentVisitor {
        void extent(long offsetBytes, long lengthBytes, boolean zero) throws IOException;
    }
}
