package org.tidemark.backup.target;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * Whether a blob that is there is the one that was to be put: it has the same size and the same last {@value
 * #COMPARED_BYTES} bytes, which is the whole blob for everything but packs. That is proof, because every blob carries
 * something random near its end: a pack its id in the footer, a record its nonce, a repository its id.
 */
public final class SameBlob {
    public static final int COMPARED_BYTES = 1 << 20;

    private SameBlob() {}

    /** Reads the end of {@code key} and compares. NOT_FOUND when there is none. */
    public static boolean isThere(BackupTarget target, String key, List<ByteBuffer> content) throws TargetException {
        long sizeBytes = content.stream().mapToLong(ByteBuffer::remaining).sum();
        ByteBuffer found = ByteBuffer.allocate((int) Math.min(sizeBytes, COMPARED_BYTES));
        if (target.get(key, ByteRange.tail(found.capacity()), found) != sizeBytes) {
            return false;
        }
        int end = found.capacity();
        for (int i = content.size() - 1; i >= 0 && end > 0; i--) {
            ByteBuffer part = content.get(i);
            int length = Math.min(end, part.remaining());
            end -= length;
            if (found.slice(end, length).mismatch(part.slice(part.limit() - length, length)) >= 0) {
                return false;
            }
        }
        return true;
    }
}
