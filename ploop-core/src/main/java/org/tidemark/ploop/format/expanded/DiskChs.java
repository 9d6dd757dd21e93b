package org.tidemark.ploop.format.expanded;

/**
 * Cylinders, heads and sectors of a disk, as the ploop tools compute them. Nothing addresses by them; they are written so that
 * every tool finds what it expects.
 */
public record DiskChs(long cylinders, int heads, int sectors) {
    private static final long SMALL_LIMIT_SECTORS = 1_032_192;
    private static final long LARGE_LIMIT_SECTORS = 16_777_216;
    private static final int[] SECTOR_CHOICES = {63, 32, 16, 8};
    private static final int[] HEAD_CHOICES = {16, 8, 4, 2};

    public static DiskChs of(long diskSectors) {
        if (diskSectors > SMALL_LIMIT_SECTORS && diskSectors < LARGE_LIMIT_SECTORS) {
            return new DiskChs(diskSectors / (16 * 63), 16, 63);
        }
        for (int sectors : SECTOR_CHOICES) {
            if (diskSectors % sectors == 0) {
                for (int heads : HEAD_CHOICES) {
                    if (diskSectors / sectors % heads == 0) {
                        return new DiskChs(diskSectors / sectors / heads, heads, sectors);
                    }
                }
            }
        }
        return new DiskChs(diskSectors, 1, 1);
    }
}
