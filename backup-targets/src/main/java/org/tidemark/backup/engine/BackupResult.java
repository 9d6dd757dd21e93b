package org.tidemark.backup.engine;

import org.tidemark.backup.repository.log.Grade;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.RecoveryPoint;

/**
 * A backup that committed.
 *
 * @param point what exists now
 * @param seconds from the call of the engine to the durable record
 */
public record BackupResult(RecoveryPoint point, double seconds) {
    public String pointId() {
        return point.pointId();
    }

    public long sequence() {
        return point.sequence();
    }

    public Grade grade() {
        return point.grade();
    }

    public long freezeMillis() {
        return point.freezeMillis();
    }

    public PointCounters counters() {
        return point.counters();
    }

    /** Objects put: the packs and the log record. */
    public long objects() {
        return point.counters().packs() + 1;
    }
}
