package org.tidemark.ploop.format;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * The disk below a delta, for formats whose clusters can be partly their own and partly those of the disk below. Methods may
 * be called by several threads at once and allocate no memory.
 */
public interface LowerDisk {
    /** Reads; what lies beyond the end of that disk reads as zeros. */
    void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException;

    /** Visits the parts that may hold data; everything between them, and beyond the end, reads as zeros. */
    void dataExtents(long offsetBytes, long lengthBytes, ImageIo.ExtentVisitor visitor) throws IOException;
}
