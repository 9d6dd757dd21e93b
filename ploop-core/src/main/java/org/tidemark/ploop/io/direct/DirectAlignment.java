package org.tidemark.ploop.io.direct;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;

/** Finds out the alignment that direct I/O on a file needs. */
final class DirectAlignment {
    private static final int SMALLEST_BYTES = 512;

    private DirectAlignment() {}

    static int of(NativeFile file) throws IOException {
        int asked = file.directAlignmentBytes();
        if (asked == 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    file.name() + ": this file system has no direct I/O; use the page cache instead (vfs)");
        }
        int alignmentBytes = asked > 0 ? Math.max(asked, SMALLEST_BYTES) : byTrying(file);
        if (alignmentBytes > AlignedBuffer.ALIGNMENT_BYTES) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    file.name() + ": direct I/O needs blocks of " + alignmentBytes
                            + " bytes, more than 4096; use the page cache instead (vfs)");
        }
        return alignmentBytes;
    }

    /** For kernels that do not tell. An empty file answers every read with "end of file", so it proves nothing. */
    private static int byTrying(NativeFile file) throws IOException {
        if (file.size() < 2 * SMALLEST_BYTES) {
            return AlignedBuffer.ALIGNMENT_BYTES;
        }
        AlignedBuffer probe = AlignedBuffer.allocate(AlignedBuffer.ALIGNMENT_BYTES);
        int result = file.readOnceAt(probe.address(SMALLEST_BYTES), SMALLEST_BYTES, SMALLEST_BYTES);
        java.lang.ref.Reference.reachabilityFence(probe);
        return result == -Errno.EINVAL ? AlignedBuffer.ALIGNMENT_BYTES : SMALLEST_BYTES;
    }
}
