package org.tidemark.backup.repository.log;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.tidemark.backup.repository.RepositoryException;

/** The 48 bytes before the body of a record: docs/format/repository.md section 6. */
final class CommitRecordFrame {
    static final int HEADER_BYTES = 48;
    static final int MAX_BODY_BYTES = 1 << 20;
    private static final byte[] MAGIC = "TDMKLOGR".getBytes(StandardCharsets.US_ASCII);
    private static final int VERSION = 1;

    private CommitRecordFrame() {}

    static ByteBuffer frame(byte[] body) {
        ByteBuffer record = ByteBuffer.allocate(HEADER_BYTES + body.length).order(ByteOrder.LITTLE_ENDIAN);
        record.put(MAGIC)
                .putShort((short) VERSION)
                .putShort((short) HEADER_BYTES)
                .putInt(body.length);
        record.putInt(32, crc(body, 0, body.length));
        record.putInt(44, crc(record.array(), 0, 44));
        return record.put(HEADER_BYTES, body).clear();
    }

    /** The body of the record in {@code bytes}. */
    static byte[] body(String key, byte[] bytes) throws RepositoryException {
        ByteBuffer record = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < HEADER_BYTES || record.slice(0, 8).mismatch(ByteBuffer.wrap(MAGIC)) >= 0) {
            throw RepositoryException.damaged("log record " + key + " is damaged: it does not begin as one");
        }
        if (record.getInt(44) != crc(bytes, 0, 44)) {
            throw RepositoryException.damaged("log record " + key + " is damaged: wrong checksum of its header");
        }
        int version = record.getShort(8) & 0xFFFF;
        if (version != VERSION || record.getLong(16) != 0) {
            throw RepositoryException.unsupported("log record " + key + " has version " + version + " and features "
                    + Long.toHexString(record.getLong(16)) + "; a newer version wrote it");
        }
        int bodyBytes = record.getInt(12);
        if ((record.getShort(10) & 0xFFFF) != HEADER_BYTES || bodyBytes != bytes.length - HEADER_BYTES) {
            throw RepositoryException.damaged("log record " + key + " is damaged: it has " + bytes.length + " bytes");
        }
        if (record.getInt(32) != crc(bytes, HEADER_BYTES, bodyBytes)) {
            throw RepositoryException.damaged("log record " + key + " is damaged: wrong checksum of its body");
        }
        byte[] body = new byte[bodyBytes];
        record.get(HEADER_BYTES, body);
        return body;
    }

    private static int crc(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }
}
