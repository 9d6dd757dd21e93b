package org.tidemark.backup.repository.chunk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of raw bytes, as four big-endian words. */
public record ChunkId(long word0, long word1, long word2, long word3) {
    public static final int BYTES = 32;

    /** The id of 64 KiB of zeros. */
    public static final ChunkId ZERO_CHUNK = of(ByteBuffer.allocate(ChunkGeometry.CHUNK_BYTES), newDigest());

    /** Hashes the remaining bytes; the position of {@code bytes} does not move. */
    public static ChunkId of(ByteBuffer bytes, MessageDigest sha256) {
        sha256.reset();
        sha256.update(bytes.duplicate());
        return get(ByteBuffer.wrap(sha256.digest()));
    }

    /** Reads 32 raw bytes. */
    public static ChunkId get(ByteBuffer src) {
        return new ChunkId(word(src), word(src), word(src), word(src));
    }

    /** Writes 32 raw bytes. */
    public void put(ByteBuffer dst) {
        putWord(dst, word0);
        putWord(dst, word1);
        putWord(dst, word2);
        putWord(dst, word3);
    }

    /** Reads 64 hex digits. */
    public static ChunkId parse(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("an id has 64 hex digits, not " + hex.length());
        }
        return get(ByteBuffer.wrap(bytes));
    }

    /** The digest that ids are made with; not safe for several threads. */
    public static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256, which every Java must have", e);
        }
    }

    @Override
    public String toString() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        put(bytes);
        return HexFormat.of().formatHex(bytes.array());
    }

    private static long word(ByteBuffer src) {
        long word = src.getLong();
        return src.order() == ByteOrder.BIG_ENDIAN ? word : Long.reverseBytes(word);
    }

    private static void putWord(ByteBuffer dst, long word) {
        dst.putLong(dst.order() == ByteOrder.BIG_ENDIAN ? word : Long.reverseBytes(word));
    }
}
