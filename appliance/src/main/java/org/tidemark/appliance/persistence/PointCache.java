package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.log.StoredRecord;

/** Copies of log records, so that no target is asked twice for what never changes, and what is known of each point. */
@Singleton
public final class PointCache {
    private final Jdbi jdbi;

    @Inject
    public PointCache(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /**
     * What this appliance knows and thinks of a point.
     *
     * @param keptBy which rules of the policy keep it
     * @param expiredAt since when no rule keeps it
     */
    public record Mark(
            boolean isProtected,
            @Nullable Instant expiredAt,
            String keptBy,
            @Nullable Instant verifiedAt) {
        public static final Mark NONE = new Mark(false, null, "", null);
    }

    /** The points that are known, oldest first. A copy that is not whole is left out: it is fetched again. */
    public List<RecoveryPoint> points(String repositoryId, String container) {
        List<byte[]> records = jdbi.withHandle(handle -> handle.createQuery("""
                        select record from point_record where repository_id = :repository and container = :container
                        order by sequence_number
                        """)
                .bind("repository", repositoryId)
                .bind("container", container)
                .map((row, context) -> row.getBytes("record"))
                .list());
        List<RecoveryPoint> points = new ArrayList<>();
        for (byte[] record : records) {
            try {
                points.add(StoredRecord.decode(record));
            } catch (RepositoryException e) {
                // Fetched again by whoever needs it.
            }
        }
        return points;
    }

    public void add(RecoveryPoint point) throws IOException {
        byte[] record = StoredRecord.encode(point);
        jdbi.useHandle(handle -> handle.createUpdate("""
                        merge into point_record (repository_id, container, sequence_number, record)
                        key (repository_id, container, sequence_number) values (:repository, :container, :number, :record)
                        """)
                .bind("repository", point.repositoryId())
                .bind("container", point.containerId())
                .bind("number", point.sequence())
                .bind("record", record)
                .execute());
    }

    /** By point id; points without a mark are missing. */
    public Map<String, Mark> marks(String repositoryId, String container) {
        Map<String, Mark> marks = new HashMap<>();
        jdbi.useHandle(handle -> handle.createQuery(
                        "select * from point_mark where repository_id = :repository and container = :container")
                .bind("repository", repositoryId)
                .bind("container", container)
                .map((row, context) -> Map.entry(
                        row.getString("point_id"),
                        new Mark(
                                row.getBoolean("is_protected"),
                                Columns.timeOrNull(row, "expired_at"),
                                row.getString("kept_by"),
                                Columns.timeOrNull(row, "verified_at"))))
                .forEach(entry -> marks.put(entry.getKey(), entry.getValue())));
        return marks;
    }

    public void mark(String repositoryId, String container, String pointId, Mark mark) {
        jdbi.useHandle(handle -> handle.createUpdate("""
                        merge into point_mark
                            (repository_id, container, point_id, is_protected, expired_at, kept_by, verified_at)
                        key (repository_id, container, point_id)
                        values (:repository, :container, :point, :protected, :expired, :kept, :verified)
                        """)
                .bind("repository", repositoryId)
                .bind("container", container)
                .bind("point", pointId)
                .bind("protected", mark.isProtected())
                .bind("expired", Columns.millis(mark.expiredAt()))
                .bind("kept", mark.keptBy())
                .bind("verified", Columns.millis(mark.verifiedAt()))
                .execute());
    }
}
