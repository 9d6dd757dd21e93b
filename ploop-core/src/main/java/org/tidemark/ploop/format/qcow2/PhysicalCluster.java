package org.tidemark.ploop.format.qcow2;

import org.tidemark.ploop.format.Delta;

/**
 * The physical cluster numbers that a qcow2 delta puts into map pages.
 *
 * <pre>
 *   0x00000000 + host cluster       a plain cluster that may be overwritten (or only read) where it lies
 *   0x80000000 + virtual cluster    anything else: its L2 entry says what, and is looked up for each read
 *   0xFFFFFFFE                      reads as zeros, has no place
 *   0xFFFFFFFF                      not allocated ({@link Delta#NOT_ALLOCATED})
 * </pre>
 */
final class PhysicalCluster {
    static final int ZERO = 0xFFFFFFFE;
    static final long MAX_VIRTUAL_CLUSTERS = 0x7FFFFFFEL;
    static final long MAX_HOST_CLUSTERS = 0x80000000L;

    private static final int LOOK_UP = 0x80000000;

    private PhysicalCluster() {}

    static int lookUp(long virtualCluster) {
        return LOOK_UP | (int) virtualCluster;
    }

    static int host(long hostCluster) {
        return (int) hostCluster;
    }

    /** Whether the number is a host cluster's. */
    static boolean isHost(int physicalCluster) {
        return physicalCluster >= 0;
    }

    /** The virtual cluster of a number that must be looked up. */
    static long virtual(int physicalCluster) {
        return physicalCluster & 0x7FFFFFFFL;
    }
}
