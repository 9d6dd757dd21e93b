package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.partition.GuidPartitionTable;

/**
 * Makes the disk of an attached image larger, then its last partition. Each step is whole by itself and does nothing when it
 * was done before.
 */
final class DeviceGrowth {
    private DeviceGrowth() {}

    /** Durable on return. */
    static void run(AttachedImage image, long sizeBytes) throws IOException {
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            long size = change.grow(sizeBytes);
            Optional<GuidPartitionTable> table = GuidPartitionTable.read(image);
            if (table.isPresent()) {
                // Also when no partition changes: the second table belongs at the new end of the disk.
                table.get().grownTo(size, image.device().clusterSizeBytes()).write(image);
                image.flush();
            }
        }
    }
}
