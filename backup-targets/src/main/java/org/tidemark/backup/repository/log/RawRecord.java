package org.tidemark.backup.repository.log;

import java.util.Arrays;

/** A record as its bytes, and what they say. The bytes are not to be changed. */
public record RawRecord(RecoveryPoint point, byte[] bytes) {
    /** Whether {@code other} is the same record to the byte. */
    public boolean sameBytes(RawRecord other) {
        return Arrays.equals(bytes, other.bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RawRecord record && sameBytes(record);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return "record " + point.sequence() + " of container " + point.containerId();
    }
}
