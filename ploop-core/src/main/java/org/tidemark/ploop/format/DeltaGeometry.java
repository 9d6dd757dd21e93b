package org.tidemark.ploop.format;

/**
 * The shape of a delta.
 *
 * @param diskSizeBytes size of the virtual disk, a multiple of 512
 * @param clusterSizeBytes allocation unit
 */
public record DeltaGeometry(long diskSizeBytes, int clusterSizeBytes) {
    public static final int SECTOR_BYTES = 512;

    public DeltaGeometry {
        if (diskSizeBytes <= 0 || diskSizeBytes % SECTOR_BYTES != 0) {
            throw new IllegalArgumentException("disk size " + diskSizeBytes + " is not a positive multiple of 512");
        }
        if (clusterSizeBytes <= 0 || clusterSizeBytes % SECTOR_BYTES != 0) {
            throw new IllegalArgumentException(
                    "cluster size " + clusterSizeBytes + " is not a positive multiple of 512");
        }
    }

    /** Number of clusters, the last one perhaps partly beyond the end of the disk. */
    public long clusters() {
        return (diskSizeBytes + clusterSizeBytes - 1) / clusterSizeBytes;
    }
}
