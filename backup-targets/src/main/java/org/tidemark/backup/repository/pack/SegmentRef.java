package org.tidemark.backup.repository.pack;

/** The place of a segment: {@code lengthBytes} counts its header too. */
public record SegmentRef(PackId pack, int offsetBytes, int lengthBytes) {
    @Override
    public String toString() {
        return "pack " + pack + " at " + offsetBytes;
    }
}
