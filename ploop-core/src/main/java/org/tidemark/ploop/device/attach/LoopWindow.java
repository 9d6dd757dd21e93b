package org.tidemark.ploop.device.attach;

/**
 * The part of a virtual disk that becomes the block device the container sees: the whole disk, or one partition of it (the
 * kernel may not know partition tables, so we read them and use the loop device's offset and limit).
 *
 * @param offsetBytes where it begins on the disk; a multiple of the block size
 * @param lengthBytes how long it is; 0 for everything from the offset on
 */
public record LoopWindow(long offsetBytes, long lengthBytes) {
    /** The whole disk. */
    public static final LoopWindow WHOLE = new LoopWindow(0, 0);

    /** Where it ends on a disk of that size. */
    public long endBytes(long diskSizeBytes) {
        return lengthBytes == 0 ? diskSizeBytes : Math.min(diskSizeBytes, offsetBytes + lengthBytes);
    }

    public LoopWindow {
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes % 512 != 0 || lengthBytes % 512 != 0) {
            throw new IllegalArgumentException("loop window " + offsetBytes + "+" + lengthBytes);
        }
    }
}
