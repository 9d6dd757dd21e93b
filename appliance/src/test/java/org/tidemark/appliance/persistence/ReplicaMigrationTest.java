package org.tidemark.appliance.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** A catalogue from before there were replicas keeps what people said of points. */
class ReplicaMigrationTest {
    private static final String INSERT_MARK = "insert into point_mark"
            + " (repository_id, container, point_id, is_protected, expired_at, kept_by, verified_at)"
            + " values (?, 'web', '1', true, null, 'newest', 5)";

    @Test
    void protectedPointsStayProtectedAlsoOfATargetThatIsNotThereNow() throws Exception {
        String url = "jdbc:h2:mem:" + UUID.randomUUID();
        Jdbi jdbi = Jdbi.create(url);
        try (Handle keepsDatabase = jdbi.open()) {
            Flyway.configure().dataSource(url, "", "").target("5").load().migrate();
            keepsDatabase.execute(
                    "insert into target (name, kind, settings_json, repository_id, max_jobs, single_writer,"
                            + " created_at) values ('t', 'LOCAL', '{}', 'r', 1, false, 7)");
            keepsDatabase.execute(INSERT_MARK, "r");
            keepsDatabase.execute(INSERT_MARK, "removed");
            Flyway.configure().dataSource(url, "", "").load().migrate();
            Targets targets = new Targets(jdbi);
            PointCache cache = new PointCache(jdbi);
            PointCache.Mark kept = new PointCache.Mark(true, null, "newest", Instant.ofEpochMilli(5));
            assertThat(targets.get("t").isReplica()).isFalse();
            assertThat(cache.marks(targets.get("t"), "web")).containsOnly(Map.entry("1", kept));
            TargetEntry again = new TargetEntry(
                    "again", TargetEntry.Kind.LOCAL, Map.of(), null, "removed", 1, false, null, Instant.EPOCH);
            targets.add(again);
            cache.adopt(again);
            assertThat(cache.marks(again, "web")).containsOnly(Map.entry("1", kept));
        }
    }
}
