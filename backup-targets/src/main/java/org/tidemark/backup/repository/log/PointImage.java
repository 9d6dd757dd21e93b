package org.tidemark.backup.repository.log;

import java.util.Optional;
import org.tidemark.backup.repository.map.MapRef;

/**
 * One image in a point.
 *
 * @param imageId stable name within the container
 * @param root its map
 * @param fullReason why everything was read; empty for an increment
 * @param checkpoint where its tracker stood at the instant, for the next increment
 */
public record PointImage(
        String imageId, long sizeBytes, MapRef root, Optional<String> fullReason, Optional<CbtCheckpoint> checkpoint) {
    /** Whether only what the tracker named was read. */
    public boolean incremental() {
        return fullReason.isEmpty();
    }
}
