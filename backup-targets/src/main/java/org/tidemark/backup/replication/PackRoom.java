package org.tidemark.backup.replication;

import java.nio.ByteBuffer;

/** Off-heap room for one pack, for one run after the other. One thread at a time. */
public final class PackRoom {
    private ByteBuffer bytes;

    /**
     * Some room; it grows to what the longest pack needs, at most 64 MiB.
     *
     * @param firstBytes what most packs fit into: a longer one is read twice, once
     */
    public PackRoom(int firstBytes) {
        bytes = ByteBuffer.allocateDirect(firstBytes);
    }

    ByteBuffer bytes() {
        return bytes;
    }

    void grow(int toBytes) {
        bytes = ByteBuffer.allocateDirect(toBytes);
    }
}
