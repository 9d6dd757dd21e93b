package org.tidemark.ploop.partition;

import java.util.UUID;

/**
 * One partition.
 *
 * @param offsetBytes where it begins on the disk
 * @param lengthBytes how long it is
 */
public record Partition(UUID type, UUID id, long offsetBytes, long lengthBytes, String name) {
    /** "Linux filesystem data". */
    public static final UUID LINUX_DATA = UUID.fromString("0fc63daf-8483-4772-8e79-3d69d8477de4");
}
