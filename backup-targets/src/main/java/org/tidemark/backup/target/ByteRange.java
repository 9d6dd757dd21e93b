package org.tidemark.backup.target;

/** Which bytes of a blob to read. */
public record ByteRange(Kind kind, long offsetBytes, int lengthBytes) {
    /** How {@code offsetBytes} and {@code lengthBytes} are meant. */
    public enum Kind {
        /** Exactly these bytes; fewer is an error. */
        EXACT,
        /** The bytes from {@code offsetBytes} on, at most {@code lengthBytes}. */
        UP_TO,
        /** The first bytes, at most {@code lengthBytes}. */
        HEAD,
        /** The last bytes, at most {@code lengthBytes}. */
        TAIL
    }

    public ByteRange {
        if (offsetBytes < 0 || lengthBytes < 0 || ((kind == Kind.HEAD || kind == Kind.TAIL) && offsetBytes != 0)) {
            throw new IllegalArgumentException("range of " + lengthBytes + " bytes at " + offsetBytes);
        }
    }

    public static ByteRange exact(long offsetBytes, int lengthBytes) {
        return new ByteRange(Kind.EXACT, offsetBytes, lengthBytes);
    }

    public static ByteRange upTo(long offsetBytes, int atMostBytes) {
        return new ByteRange(Kind.UP_TO, offsetBytes, atMostBytes);
    }

    public static ByteRange head(int atMostBytes) {
        return new ByteRange(Kind.HEAD, 0, atMostBytes);
    }

    public static ByteRange tail(int atMostBytes) {
        return new ByteRange(Kind.TAIL, 0, atMostBytes);
    }

    /** Where this range begins in a blob of {@code sizeBytes}. */
    public long startIn(long sizeBytes) {
        return kind == Kind.TAIL ? Math.max(0, sizeBytes - lengthBytes) : offsetBytes;
    }

    /** How many bytes this range has in a blob of {@code sizeBytes}; -1 when it begins, or must end, behind the end. */
    public int lengthIn(long sizeBytes) {
        if (offsetBytes > sizeBytes || (kind == Kind.EXACT && lengthBytes > sizeBytes - offsetBytes)) {
            return -1;
        }
        return (int) Math.min(sizeBytes - offsetBytes, lengthBytes);
    }
}
