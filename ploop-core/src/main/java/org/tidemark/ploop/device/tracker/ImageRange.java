package org.tidemark.ploop.device.tracker;

/**
 * A part of the file that the top delta is, in bytes from its start. Not a part of the disk: those are of another type, and the
 * two must not be mixed up.
 */
public record ImageRange(long positionBytes, long lengthBytes) {
    public ImageRange {
        if (positionBytes < 0 || lengthBytes <= 0 || positionBytes > Long.MAX_VALUE - lengthBytes) {
            throw new IllegalArgumentException(lengthBytes + " bytes at " + positionBytes + " are no part of a file");
        }
    }

    public long endBytes() {
        return positionBytes + lengthBytes;
    }
}
