package org.tidemark.ploop.format.expanded;

import org.tidemark.ploop.format.DeltaGeometry;

/**
 * Where the clusters of an expanded file lie, and how table entries name them.
 *
 * <p>Clusters are numbered from the start of the file. They usually begin at byte 0; in an image of version 1 whose data
 * area begins anywhere (old writers left 0 in the header: then it begins at the first sector behind the table) all of them
 * are shifted by the same part of a cluster, the <i>anchor</i>, so that the first one of the data area begins where it does.
 *
 * @param version 1: an entry is the cluster's position in sectors; 2: its number
 * @param clusterSectors cluster size in sectors of 512 bytes
 * @param dataStartSectors where the data area begins
 */
public record ClusterGrid(ExpandedVersion version, int clusterSectors, long dataStartSectors) {
    private static final long MAX_CLUSTER = 0xFFFFFFFEL;
    private static final long MAX_SECTOR = 0xFFFFFFFEL;

    /** What {@link #clusterOf} answers for an entry that names no whole cluster. */
    public static final long MISALIGNED = -1;

    private long anchorSectors() {
        return dataStartSectors % clusterSectors;
    }

    public int clusterBytes() {
        return clusterSectors * DeltaGeometry.SECTOR_BYTES;
    }

    /** Whether clusters begin at multiples of their size, as everywhere but in some images of version 1. */
    public boolean aligned() {
        return anchorSectors() == 0;
    }

    /** The first cluster that may hold data. */
    public long firstDataCluster() {
        return dataStartSectors / clusterSectors;
    }

    /** The last cluster that an entry can name. */
    public long lastCluster() {
        return version == ExpandedVersion.V2
                ? MAX_CLUSTER
                : Math.min(MAX_CLUSTER, (MAX_SECTOR - anchorSectors()) / clusterSectors);
    }

    /** Where a cluster begins; of the number behind the last cluster, where the file ends. */
    public long positionBytes(long cluster) {
        return (anchorSectors() + cluster * clusterSectors) * DeltaGeometry.SECTOR_BYTES;
    }

    /** The table entry that names a cluster. */
    public int entryOf(long cluster) {
        return (int) (version == ExpandedVersion.V2 ? cluster : anchorSectors() + cluster * clusterSectors);
    }

    /** The cluster that a nonzero entry names, whether or not the file has it; {@link #MISALIGNED} if it names none. */
    public long clusterOf(int entry) {
        long number = Integer.toUnsignedLong(entry);
        if (version == ExpandedVersion.V2) {
            return number;
        }
        long fromAnchor = number - anchorSectors();
        return fromAnchor < 0 || fromAnchor % clusterSectors != 0 ? MISALIGNED : fromAnchor / clusterSectors;
    }

    /** How many clusters a file of that size has, counting one that is not whole. */
    public long startedClusters(long fileBytes) {
        return ExpandedHeader.ceilDiv(Math.max(0, fileBytes - positionBytes(0)), clusterBytes());
    }

    /** How many clusters a file of that size has whole. */
    public long wholeClusters(long fileBytes) {
        return Math.max(0, fileBytes - positionBytes(0)) / clusterBytes();
    }
}
