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
    /** Of several that say something of one point, any will do. */
    private static final String COPY_MARKS = """
            insert into point_mark
                (target, repository_id, container, point_id, is_protected, expired_at, kept_by, verified_at)
            select cast(:target as varchar), repository_id, container, point_id, bool_or(is_protected), min(expired_at),
                min(kept_by), max(verified_at)""";

    private static final String MISSING = """
             and not exists (select 1 from point_mark old where old.target = :target
                and old.repository_id = point_mark.repository_id and old.container = point_mark.container
                and old.point_id = point_mark.point_id)
            group by repository_id, container, point_id""";

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
    public List<RecoveryPoint> points(TargetEntry target, String container) {
        List<byte[]> records = jdbi.withHandle(handle -> handle.createQuery("""
                        select record from point_record
                        where target = :target and repository_id = :repository and container = :container
                        order by sequence_number
                        """)
                .bind("target", target.name())
                .bind("repository", target.repositoryId())
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

    /** Containers of which points are known there. */
    public List<String> containers(TargetEntry target) {
        return jdbi.withHandle(handle -> handle.createQuery("""
                        select distinct container from point_record
                        where target = :target and repository_id = :repository order by container
                        """)
                .bind("target", target.name())
                .bind("repository", target.repositoryId())
                .mapTo(String.class)
                .list());
    }

    public void add(TargetEntry target, RecoveryPoint point) throws IOException {
        byte[] record = StoredRecord.encode(point);
        jdbi.useHandle(handle -> handle.createUpdate("""
                        merge into point_record (target, repository_id, container, sequence_number, record)
                        key (target, repository_id, container, sequence_number)
                        values (:target, :repository, :container, :number, :record)
                        """)
                .bind("target", target.name())
                .bind("repository", point.repositoryId())
                .bind("container", point.containerId())
                .bind("number", point.sequence())
                .bind("record", record)
                .execute());
    }

    /** By point id; points without a mark are missing. */
    public Map<String, Mark> marks(TargetEntry target, String container) {
        Map<String, Mark> marks = new HashMap<>();
        jdbi.useHandle(handle -> handle.createQuery("""
                        select * from point_mark
                        where target = :target and repository_id = :repository and container = :container
                        """)
                .bind("target", target.name())
                .bind("repository", target.repositoryId())
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

    public void mark(TargetEntry target, String container, String pointId, Mark mark) {
        jdbi.useHandle(handle -> handle.createUpdate("""
                        merge into point_mark
                            (target, repository_id, container, point_id, is_protected, expired_at, kept_by, verified_at)
                        key (target, repository_id, container, point_id)
                        values (:target, :repository, :container, :point, :protected, :expired, :kept, :verified)
                        """)
                .bind("target", target.name())
                .bind("repository", target.repositoryId())
                .bind("container", container)
                .bind("point", pointId)
                .bind("protected", mark.isProtected())
                .bind("expired", Columns.millis(mark.expiredAt()))
                .bind("kept", mark.keptBy())
                .bind("verified", Columns.millis(mark.verifiedAt()))
                .execute());
    }

    /** What was thought of the points of this repository while it had another name, which no target has now. */
    public void adopt(TargetEntry target) {
        jdbi.useTransaction(handle -> {
            String orphans = " from point_mark where repository_id = :repository and target <> :target"
                    + " and target not in (select name from target)";
            for (String what : List.of(COPY_MARKS + orphans + MISSING, "delete" + orphans)) {
                handle.createUpdate(what)
                        .bind("target", target.name())
                        .bind("repository", target.repositoryId())
                        .execute();
            }
        });
    }

    /** What is thought of points of one target is thought of the same points of another too. */
    public void copyMarks(TargetEntry from, TargetEntry to) {
        jdbi.useHandle(handle -> handle.createUpdate(
                        COPY_MARKS + " from point_mark where repository_id = :repository and target = :from" + MISSING)
                .bind("target", to.name())
                .bind("from", from.name())
                .bind("repository", to.repositoryId())
                .execute());
    }
}
