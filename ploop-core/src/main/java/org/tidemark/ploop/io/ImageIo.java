package org.tidemark.ploop.io;

import java.io.Closeable;
import java.io.IOException;

/**
 * The bytes of one backing file.
 *
 * <p><b>Positions</b> are bytes from the start of the file. Any position and length are accepted; those that are multiples
 * of {@link IoCapabilities#alignmentBytes()} are the fast path and the only ones that a data path may use.
 *
 * <p><b>Durability.</b> A write is visible to every later read of any thread once the method returned, and durable only
 * after a {@link #flush} that began after it returned. Unflushed writes may be lost in any subset and in any order.
 *
 * <p><b>Errors.</b> Any method may throw {@link IOException}. After a {@code flush} that threw, the medium's content is
 * unknown (the kernel drops dirty pages whose write-back failed): the object is <i>suspect</i>, and every later write or
 * flush throws {@link ImageException} of kind SUSPECT. Reads still work and may show what was lost. Whoever opens the file
 * again for writing reads what the medium holds; without that nobody may believe such a file, because the next flush of the
 * kernel succeeds and writes nothing.
 *
 * <p><b>Threading.</b> All methods may be called by several threads at once; overlapping writes have no order.
 */
public interface ImageIo extends Closeable {
    /** What messages call the file, usually its path. */
    String name();

    IoCapabilities capabilities();

    boolean writable();

    /** The size in bytes. */
    long size() throws IOException;

    /** Reads exactly {@code length} bytes; what lies beyond the end of the file reads as zeros. */
    void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException;

    /** Writes exactly {@code length} bytes; the file grows when they end beyond its end. */
    void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException;

    /** Makes the range read as zeros, to the byte, and gives its space back where the store can. Never grows the file. */
    void punchHole(long position, long length) throws IOException;

    /** Makes the range read as zeros, to the byte; space may stay allocated. Grows the file when the range ends beyond it. */
    void zero(long position, long length) throws IOException;

    /** Cuts or extends the file; what is new reads as zeros. */
    void truncate(long sizeBytes) throws IOException;

    /**
     * Visits the parts of the range that may hold data, in ascending order; everything between them reads as zeros. A
     * store without this knowledge reports the whole range.
     */
    void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException;

    /** Everything written before the call, with the size and what is needed to find it, is durable on return. */
    void flush() throws IOException;

    /** Does not flush. */
    @Override
    void close() throws IOException;

    /** Receives one extent. */
    @FunctionalInterface
    interface ExtentVisitor {
        void extent(long position, long length) throws IOException;
    }
}
