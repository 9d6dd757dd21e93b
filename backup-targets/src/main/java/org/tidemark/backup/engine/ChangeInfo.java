package org.tidemark.backup.engine;

import org.tidemark.backup.repository.log.CbtCheckpoint;

/** What the ranges of a {@link DiskSource} mean. */
public sealed interface ChangeInfo {
    /**
     * Outside the ranges nothing differs from the image as it was at {@code since}. A superset of the truth is fine.
     */
    record Incremental(CbtCheckpoint since) implements ChangeInfo {}

    /**
     * The ranges are all that is allocated; the rest is zero. Everything is read, and what differs from the parent is
     * shipped.
     *
     * @param reason for people: first backup, tracker inconsistent, size changed
     */
    record Full(String reason) implements ChangeInfo {}
}
