package org.tidemark.backup.target;

import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;

/**
 * Holds puts back to what a link may carry. The pace is kept before a put, turn by turn, and the put itself then goes
 * as fast as it can: on average the link carries no more than it may, but one blob comes in one piece. For folders and
 * NFS, whose puts are not streams; a target that can do better says so ({@link SelfPacing}). Closing it closes what it
 * wraps.
 */
public final class PacedTarget implements BackupTarget {
    private final BackupTarget target;
    private final LinkPace pace;

    private PacedTarget(BackupTarget target, LinkPace pace) {
        this.target = target;
        this.pace = pace;
    }

    /** {@code bare}, sending at {@code pace}; in the best way that it can. Goes inside counting and retrying. */
    public static BackupTarget of(BackupTarget bare, LinkPace pace) {
        return bare instanceof SelfPacing self ? self.paced(pace) : new PacedTarget(bare, pace);
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        try {
            for (ByteBuffer part : content) {
                for (int rest = part.remaining(); rest > 0; rest -= LinkPace.TURN_BYTES) {
                    pace.await(Math.min(rest, LinkPace.TURN_BYTES));
                }
            }
        } catch (InterruptedIOException e) {
            throw new TargetException(TargetException.Kind.RETRYABLE, "write " + key + ": interrupted", e);
        }
        target.putIfAbsent(key, content);
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        return target.get(key, range, dst);
    }

    @Override
    public long stat(String key) throws TargetException {
        return target.stat(key);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        target.list(prefix, visitor);
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        target.listFolders(prefix, visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        return target.capabilities();
    }

    @Override
    public void validate() throws TargetException {
        target.validate();
    }

    @Override
    public String describe() {
        return target.describe();
    }

    @Override
    public void close() {
        target.close();
    }
}
