package org.tidemark.ploop.os.nfs;

import java.util.Arrays;
import java.util.HexFormat;

/** What a server calls a file, whatever its name: opaque bytes, valid over connections and restarts of the server. */
public final class NfsHandle {
    /** The longest that version 3 allows. */
    public static final int MAX_BYTES = 64;

    private final byte[] bytes;

    public NfsHandle(byte[] bytes) {
        if (bytes.length == 0 || bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException("a handle of " + bytes.length + " bytes");
        }
        this.bytes = bytes.clone();
    }

    /** A copy. */
    public byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof NfsHandle handle && Arrays.equals(bytes, handle.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes);
    }
}
