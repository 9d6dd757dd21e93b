package org.tidemark.ploop.format.expanded;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/** The versions of the format, told apart by the signature in the first sixteen bytes. */
public enum ExpandedVersion {
    /** BAT entries are positions in sectors; the disk size has 32 bits. */
    V1("WithoutFreeSpace"),
    /** BAT entries are cluster numbers. */
    V2("WithouFreSpacExt");

    static final int SIGNATURE_BYTES = 16;

    private final byte[] signature;

    /** As people and descriptors call it. */
    public int number() {
        return ordinal() + 1;
    }

    /** The version of that number; throws IllegalArgumentException when there is none. */
    public static ExpandedVersion ofNumber(int number) {
        for (ExpandedVersion version : values()) {
            if (version.number() == number) {
                return version;
            }
        }
        throw new IllegalArgumentException(
                "there is no version " + number + " of the expanded format; there are 1 and 2");
    }

    ExpandedVersion(String signature) {
        this.signature = signature.getBytes(StandardCharsets.US_ASCII);
    }

    void putSignature(AlignedBuffer dst, int offset) {
        dst.bytes().put(offset, signature);
    }

    /** The version that begins at {@code offset}, or null. */
    static @Nullable ExpandedVersion of(AlignedBuffer src, int offset) {
        for (ExpandedVersion version : values()) {
            int at = 0;
            while (at < SIGNATURE_BYTES && src.bytes().get(offset + at) == version.signature[at]) {
                at++;
            }
            if (at == SIGNATURE_BYTES) {
                return version;
            }
        }
        return null;
    }
}
