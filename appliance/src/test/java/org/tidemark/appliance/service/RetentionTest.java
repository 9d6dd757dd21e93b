package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Closeable;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.MemoryCatalogue;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** What policies keep, and that nothing else loses its points. */
final class RetentionTest {
    private static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    private static final TargetEntry TARGET = new TargetEntry(
            "t", TargetEntry.Kind.LOCAL, Map.of("path", "/t"), null, KnownPoints.REPOSITORY, 1, false, null, NOW);

    private MemoryCatalogue catalogue;
    private Policies policies;
    private PointCache cache;
    private Points points;
    private KnownPoints known;
    private Retention retention;

    @BeforeEach
    void open() throws Exception {
        catalogue = new MemoryCatalogue();
        policies = new Policies(catalogue.jdbi());
        cache = new PointCache(catalogue.jdbi());
        points = new Points(cache);
        known = new KnownPoints(TARGET, points);
        retention = new Retention(policies, points, cache);
        new Targets(catalogue.jdbi()).add(TARGET);
        for (String name : List.of("web", "db")) {
            new Containers(catalogue.jdbi()).add(new ContainerEntry(name, List.of(), ContainerEntry.Runtime.NONE, NOW));
        }
    }

    @AfterEach
    void close() {
        catalogue.close();
    }

    private static PolicyEntry policy(String name, PolicyEntry.Retention keeps) {
        return new PolicyEntry(
                name,
                "t",
                List.of("web"),
                new PolicyEntry.Schedule(PolicyEntry.ScheduleKind.EVERY, 300L, null, "UTC", null, null),
                keeps,
                true,
                NOW,
                NOW);
    }

    private static PolicyEntry.Retention last(int count) {
        return new PolicyEntry.Retention(count, null, null, null, null, null, null);
    }

    private String[] add(int count) throws Exception {
        String[] ids = new String[count];
        for (int i = 0; i < count; i++) {
            ids[i] = known.add("web", NOW.minus(Duration.ofMinutes(count - i)));
        }
        return ids;
    }

    private TreeSet<String> expired() {
        TreeSet<String> expired = new TreeSet<>();
        cache.marks(TARGET, "web").forEach((id, mark) -> {
            if (mark.expiredAt() != null) {
                expired.add(id);
            }
        });
        return expired;
    }

    @Test
    void aPointExpiresWhenNoPolicyKeepsItAndOnlyThen() throws Exception {
        String[] ids = add(5);
        policies.add(policy("two", last(2)));
        retention.apply(TARGET, "web");
        assertThat(expired()).containsExactly(ids[0], ids[1], ids[2]);
        policies.add(policy("four", last(4)));
        retention.apply(TARGET, "web");
        assertThat(expired()).as("a mark is taken back").containsExactly(ids[0]);
        assertThat(cache.marks(TARGET, "web").get(ids[4]).keptBy()).contains("newest", "last 1 of 2", "last 1 of 4");
    }

    @Test
    void withoutAPolicyNothingExpires() throws Exception {
        add(5);
        known.add("db", NOW);
        policies.add(policy("two", last(2)));
        retention.apply(TARGET, "db");
        assertThat(cache.marks(TARGET, "db").values())
                .allSatisfy(mark -> assertThat(mark.expiredAt()).isNull());
        retention.apply(TARGET, "web");
        assertThat(expired()).hasSize(3);
        policies.remove("two");
        retention.apply(TARGET, "web");
        assertThat(expired())
                .as("its policy is gone: nobody said that they may go")
                .isEmpty();
    }

    @Test
    void aPolicyWithoutRulesKeepsEverything() throws Exception {
        add(5);
        policies.add(policy("all", PolicyEntry.Retention.ALL));
        policies.add(policy("one", last(1)));
        retention.apply(TARGET, "web");
        assertThat(expired()).isEmpty();
    }

    @Test
    void aPolicyThatIsSwitchedOffKeepsWhatItKept() throws Exception {
        add(3);
        PolicyEntry two = policy("two", last(2));
        policies.add(new PolicyEntry("two", "t", List.of("web"), two.schedule(), two.retention(), false, NOW, NOW));
        policies.add(policy("one", last(1)));
        retention.apply(TARGET, "web");
        assertThat(expired()).hasSize(1);
    }

    @Test
    void aProtectedPointStaysUntilItIsLetGo() throws Exception {
        String[] ids = add(3);
        policies.add(policy("one", last(1)));
        retention.protect(TARGET, points.known(TARGET, "web").points().get(0), true);
        assertThat(expired()).containsExactly(ids[1]);
        assertThat(cache.marks(TARGET, "web").get(ids[0]).isProtected()).isTrue();
        retention.protect(TARGET, points.known(TARGET, "web").points().get(0), false);
        assertThat(expired()).containsExactly(ids[0], ids[1]);
    }

    /** The last reader of several lets it go; closing twice lets go once. */
    @Test
    void aPointThatIsReadDoesNotExpireUntilNobodyReadsIt() throws Exception {
        String[] ids = add(3);
        policies.add(policy("one", last(1)));
        retention.apply(TARGET, "web");
        assertThat(expired()).as("nobody reads").containsExactly(ids[0], ids[1]);
        RecoveryPoint oldest = points.known(TARGET, "web").points().get(0);
        Closeable first = retention.keepWhileRead(TARGET, oldest, "is exported");
        assertThat(expired()).as("is taken back").containsExactly(ids[1]);
        assertThat(cache.marks(TARGET, "web").get(ids[0]).keptBy()).isEqualTo("is exported");
        Closeable second = retention.keepWhileRead(TARGET, oldest, "is exported");
        first.close();
        first.close();
        retention.apply(TARGET, "web");
        assertThat(expired()).containsExactly(ids[1]);
        second.close();
        assertThat(expired()).containsExactly(ids[0], ids[1]);
    }

    @Test
    void theTimeOfExpiryIsTheFirstOne() throws Exception {
        String[] ids = add(2);
        policies.add(policy("one", last(1)));
        retention.apply(TARGET, "web");
        Instant first = cache.marks(TARGET, "web").get(ids[0]).expiredAt();
        Thread.sleep(5);
        retention.apply(TARGET, "web");
        assertThat(cache.marks(TARGET, "web").get(ids[0]).expiredAt()).isEqualTo(first);
    }

    @Test
    void reasonsBeyondTheCataloguesRoomAreCut() throws Exception {
        String[] ids = add(1);
        for (int i = 1; i <= 80; i++) {
            policies.add(policy("p" + i, last(1_000 + i)));
        }
        retention.apply(TARGET, "web");
        String reasons = cache.marks(TARGET, "web").get(ids[0]).keptBy();
        assertThat(reasons).hasSize(1_000).startsWith("newest; last 1 of 1001").endsWith("\u2026");
    }
}
