package org.tidemark.ploop.partition;

import java.util.UUID;

/**
 * One partition.
 *
 * @param number its place in the table, from 1 on, by which the kernel calls it
 * @param offsetBytes where it begins on the disk
 * @param lengthBytes how long it is
 * @param attributes flags that mean something to boot loaders and other programs
 */
public record Partition(
        int number, UUID type, UUID id, long offsetBytes, long lengthBytes, long attributes, String name) {
    /** "Linux filesystem data". */
    public static final UUID LINUX_DATA = UUID.fromString("0fc63daf-8483-4772-8e79-3d69d8477de4");

    /** One that has no flags. */
    public Partition(int number, UUID type, UUID id, long offsetBytes, long lengthBytes, String name) {
        this(number, type, id, offsetBytes, lengthBytes, 0, name);
    }

    /** The same with another end. */
    Partition endingAt(long endBytes) {
        return new Partition(number, type, id, offsetBytes, endBytes - offsetBytes, attributes, name);
    }
}
