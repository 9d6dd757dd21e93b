package org.tidemark.backup.repository.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.backup.repository.RepositoryException;

/** A point as the bytes of its log record, for whoever keeps a copy: records never change. */
public final class StoredRecord {
    private StoredRecord() {}

    /** The bytes as they lie in the repository. */
    public static byte[] encode(RecoveryPoint point) throws IOException {
        ByteBuffer record = CommitRecordCodec.encode(point);
        byte[] bytes = new byte[record.remaining()];
        record.get(bytes);
        return bytes;
    }

    /** DAMAGED when the copy is not whole. */
    public static RecoveryPoint decode(byte[] bytes) throws RepositoryException {
        return CommitRecordCodec.decode("copy of a record", bytes);
    }
}
