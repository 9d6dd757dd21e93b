package org.tidemark.ploop.format.expanded;

import java.util.BitSet;
import java.util.Optional;
import java.util.UUID;

/**
 * A bitmap of changes as another program keeps it in an image.
 *
 * @param id its identity, the sixteen bytes in their order
 * @param diskSectors size of the disk it is of
 * @param granularitySectors what one bit stands for, a power of two
 * @param dirty the parts that changed
 */
public record StoredBitmap(UUID id, long diskSectors, int granularitySectors, BitSet dirty) {
    /** 32 MiB of bits: 16 TiB in parts of 64 KiB. */
    static final long MAX_BITS = 1L << 28;

    public StoredBitmap {
        if (!isPossible(diskSectors, granularitySectors) || dirty.length() > bitsOf(diskSectors, granularitySectors)) {
            throw new IllegalArgumentException("no bitmap of " + diskSectors + " sectors in parts of "
                    + granularitySectors + " with bit " + (dirty.length() - 1));
        }
    }

    /** Whether there can be one. */
    public static boolean isPossible(long diskSectors, int granularitySectors) {
        return diskSectors > 0
                && Integer.bitCount(granularitySectors) == 1
                && granularitySectors > 0
                && bitsOf(diskSectors, granularitySectors) <= MAX_BITS;
    }

    static long bitsOf(long diskSectors, int granularitySectors) {
        return ExpandedHeader.ceilDiv(diskSectors, granularitySectors);
    }

    /**
     * The same of a larger disk: what lies behind the old end was not changed and reads as zeros. Empty when a bitmap of so
     * many parts is not possible.
     */
    public Optional<StoredBitmap> ofLargerDisk(long newDiskSectors) {
        return newDiskSectors < diskSectors || bitsOf(newDiskSectors, granularitySectors) > MAX_BITS
                ? Optional.empty()
                : Optional.of(new StoredBitmap(id, newDiskSectors, granularitySectors, dirty));
    }

    /** How many parts the disk has. */
    public int bits() {
        return (int) bitsOf(diskSectors, granularitySectors);
    }
}
