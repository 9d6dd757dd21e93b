package org.tidemark.backup.repository.map;

import java.nio.ByteBuffer;
import org.tidemark.backup.repository.RepositoryException;

/** The 24 bytes that every node begins with. */
record NodeHeader(int magic, boolean complete, int position, int items) {
    static final int BYTES = 24;
    static final int PAGE = magic("TMPG");
    static final int DIRECTORY = magic("TMDR");
    static final int ROOT = magic("TMRT");
    private static final int VERSION = 1;

    private static int magic(String word) {
        return word.charAt(0) | word.charAt(1) << 8 | word.charAt(2) << 16 | word.charAt(3) << 24;
    }

    void put(ByteBuffer dst) {
        dst.putInt(magic).putShort((short) VERSION).putShort((short) (complete ? 1 : 0));
        dst.putInt(0).putInt(0).putInt(position).putInt(items);
    }

    /** Reads and checks a header; {@code position} and magic must be the expected ones. */
    static NodeHeader get(ByteBuffer src, int magic, int position, int maxItems) throws RepositoryException {
        if (src.remaining() < BYTES || src.getInt() != magic) {
            throw RepositoryException.damaged("a node of a map is of another sort than its place says");
        }
        int version = src.getShort() & 0xFFFF;
        int flags = src.getShort() & 0xFFFF;
        int incompat = src.getInt();
        src.getInt();
        int foundPosition = src.getInt();
        int items = src.getInt();
        if (version != VERSION || incompat != 0 || flags > 1) {
            throw RepositoryException.unsupported("a node of a map has version " + version + ", features "
                    + Integer.toHexString(incompat) + ", flags " + flags + "; a newer version wrote it");
        }
        if (foundPosition != position || items < 0 || items > maxItems) {
            throw RepositoryException.damaged("a node of a map is for position " + foundPosition + " with " + items
                    + " items; position " + position + " was looked for");
        }
        return new NodeHeader(magic, flags == 1, position, items);
    }
}
