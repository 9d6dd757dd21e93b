package org.tidemark.backup.repository.log;

import java.util.List;
import org.tidemark.backup.repository.RepositoryException;

/**
 * The points of a container, in the order of their commits.
 *
 * @param points those whose record can be read
 * @param unreadable records that are there and cannot be read; never silently left out
 */
public record PointList(String containerId, List<RecoveryPoint> points, List<Unreadable> unreadable) {
    /** A record that is damaged, or from a newer version. */
    public record Unreadable(long sequence, RepositoryException why) {}

    /** The greatest number in use; 0 when there is none. */
    public long lastSequence() {
        long last = points.isEmpty() ? 0 : points.get(points.size() - 1).sequence();
        for (Unreadable record : unreadable) {
            last = Math.max(last, record.sequence());
        }
        return last;
    }
}
