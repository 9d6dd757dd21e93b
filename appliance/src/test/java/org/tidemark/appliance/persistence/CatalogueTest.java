package org.tidemark.appliance.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** What is put into the catalogue comes out again, and what contradicts what is in it does not get in. */
class CatalogueTest {
    private static final Instant NOW = Instant.parse("2026-03-29T00:59:59Z");

    private MemoryCatalogue catalogue;
    private Containers containers;
    private Targets targets;
    private Policies policies;
    private Jobs jobs;

    @BeforeEach
    void open() {
        catalogue = new MemoryCatalogue();
        containers = new Containers(catalogue.jdbi());
        targets = new Targets(catalogue.jdbi());
        policies = new Policies(catalogue.jdbi());
        jobs = new Jobs(catalogue.jdbi());
    }

    @AfterEach
    void close() {
        catalogue.close();
    }

    static ContainerEntry container(String name) {
        return new ContainerEntry(
                name,
                List.of(
                        new ContainerEntry.Image("root", "/images/" + name),
                        new ContainerEntry.Image("data", "/images/" + name + "-ü'\"")),
                new ContainerEntry.Runtime(ContainerEntry.RuntimeKind.RUNC, "id-" + name, "/sys/fs/cgroup/x", "/run/x"),
                NOW);
    }

    static TargetEntry target(String name) {
        return new TargetEntry(
                name,
                TargetEntry.Kind.S3,
                Map.of("bucket", "b-" + name, "pathStyle", true),
                "v1:sealed",
                "repository-" + name,
                2,
                true,
                "one writer",
                NOW);
    }

    static PolicyEntry policy(String name, String target, String... of) {
        return new PolicyEntry(
                name,
                target,
                List.of(of),
                new PolicyEntry.Schedule(
                        PolicyEntry.ScheduleKind.CRON, null, "0 2 * * *", "Europe/Berlin", 30, PolicyEntry.Missed.SKIP),
                new PolicyEntry.Retention(1, 2, 3, 4, 5, 6, 7L),
                true,
                NOW,
                NOW.plusSeconds(1));
    }

    static NewJob job(String container) {
        return new NewJob(
                JobEntry.Kind.BACKUP,
                container,
                "t",
                null,
                JobEntry.Cause.MANUAL,
                "anna",
                Map.of("container", container));
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void refused(FailureKind kind, String words, Call call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        ApplianceException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words);
    }

    @Test
    void containersComeBackAsTheyWere() throws Exception {
        containers.add(container("web"));
        containers.add(container("db"));
        assertThat(containers.all()).containsExactly(container("db"), container("web"));
        assertThat(containers.get("web")).isEqualTo(container("web"));
        refused(FailureKind.CONFLICT, "'web'", () -> containers.add(container("web")));
        refused(FailureKind.USAGE, "../x", () -> containers.add(container("../x")));
        refused(FailureKind.NOT_FOUND, "web", () -> containers.get("wed"));
        ContainerEntry changed = new ContainerEntry(
                "web",
                List.of(new ContainerEntry.Image("root", "/other")),
                container("web").runtime(),
                NOW);
        containers.update(changed);
        assertThat(containers.get("web")).isEqualTo(changed);
        refused(FailureKind.NOT_FOUND, "nobody", () -> containers.update(container("nobody")));
        containers.remove("web");
        refused(FailureKind.NOT_FOUND, "web", () -> containers.remove("web"));
        assertThat(containers.all()).containsExactly(container("db"));
    }

    @Test
    void targetsComeBackAsTheyWere() throws Exception {
        targets.add(target("t"));
        assertThat(targets.all()).containsExactly(target("t"));
        refused(FailureKind.CONFLICT, "'t'", () -> targets.add(target("t")));
        TargetEntry plain =
                new TargetEntry("u", TargetEntry.Kind.LOCAL, Map.of("path", "/x"), null, "r", 1, false, null, NOW);
        targets.add(plain);
        assertThat(targets.get("u")).isEqualTo(plain);
        targets.remove("t");
        refused(FailureKind.NOT_FOUND, "t", () -> targets.get("t"));
    }

    @Test
    void policiesComeBackAsTheyWereAndNameWhatExists() throws Exception {
        containers.add(container("web"));
        containers.add(container("db"));
        targets.add(target("t"));
        policies.add(policy("p", "t", "db", "web"));
        assertThat(policies.get("p")).isEqualTo(policy("p", "t", "db", "web"));
        refused(FailureKind.CONFLICT, "'p'", () -> policies.add(policy("p", "t", "web")));
        assertThatThrownBy(() -> policies.add(policy("q", "nowhere", "web"))).isNotNull();
        assertThatThrownBy(() -> policies.add(policy("q", "t", "nobody"))).isNotNull();
        assertThat(policies.all()).extracting(PolicyEntry::name).containsExactly("p");
        policies.update(policy("p", "t", "web"));
        assertThat(policies.get("p").containers()).containsExactly("web");
        policies.remove("p");
        assertThat(policies.progress()).isEmpty();
    }

    @Test
    void aSlotRunsOnceAndItsJobIsQueuedOrNeitherIs() throws Exception {
        containers.add(container("web"));
        targets.add(target("t"));
        policies.add(policy("p", "t", "web"));
        NewJob wanted = new NewJob(
                JobEntry.Kind.BACKUP, "web", "t", "p", JobEntry.Cause.SCHEDULE, "schedule", Map.of("container", "web"));
        Instant slot = NOW.minusSeconds(60);
        JobEntry queued = jobs.addOfSlot(wanted, slot, NOW);
        assertThat(queued.state()).isEqualTo(JobEntry.State.QUEUED);
        assertThat(policies.progress()).singleElement().satisfies(progress -> {
            assertThat(progress.lastSlotAt()).isEqualTo(slot);
            assertThat(progress.lastRunAt()).isEqualTo(NOW);
        });
        NewJob impossible = new NewJob(
                JobEntry.Kind.BACKUP,
                "web",
                "t",
                "p",
                JobEntry.Cause.SCHEDULE,
                "x".repeat(100_000),
                Map.of("container", "web"));
        assertThatThrownBy(() -> jobs.addOfSlot(impossible, NOW, NOW)).isNotNull();
        assertThat(policies.progress().get(0).lastSlotAt()).isEqualTo(slot);
        assertThat(jobs.open()).hasSize(1);
    }

    @Test
    void jobsGoForwardsOnly() throws Exception {
        JobEntry one = jobs.add(job("web"), NOW);
        assertThat(one.attempt()).isEqualTo(1);
        assertThat(one.request()).isEqualTo(Map.of("container", "web"));
        assertThat(jobs.start(one.id(), NOW.plusSeconds(1))).isTrue();
        assertThat(jobs.start(one.id(), NOW.plusSeconds(2)))
                .as("two runners, one job")
                .isFalse();
        jobs.requeue(one.id(), true);
        assertThat(jobs.get(one.id()).attempt()).isEqualTo(2);
        assertThat(jobs.get(one.id()).startedAt()).isNull();
        assertThat(jobs.start(one.id(), NOW.plusSeconds(3))).isTrue();
        Jobs.End end = new Jobs.End(JobEntry.State.SUCCEEDED, Map.of("bytesShipped", 7), null, List.of("a notice"));
        assertThat(jobs.finish(one.id(), end, NOW.plusSeconds(4))).isTrue();
        Jobs.End late = new Jobs.End(JobEntry.State.FAILED, null, Map.of("detail", "too late"), List.of());
        assertThat(jobs.finish(one.id(), late, NOW.plusSeconds(5)))
                .as("what has ended stays")
                .isFalse();
        jobs.requeue(one.id(), true);
        JobEntry ended = jobs.get(one.id());
        assertThat(ended.state()).isEqualTo(JobEntry.State.SUCCEEDED);
        assertThat(ended.result()).isEqualTo(Map.of("bytesShipped", 7));
        assertThat(ended.notices()).containsExactly("a notice");
        assertThat(ended.finishedAt()).isEqualTo(NOW.plusSeconds(4));
        assertThat(jobs.open()).isEmpty();
        refused(FailureKind.NOT_FOUND, "no job 4711", () -> jobs.get(4711));
    }

    @Test
    void whatAnAttemptWritesDownTheNextOneFinds() throws Exception {
        JobEntry one = jobs.add(job("web"), NOW);
        JobEntry other = jobs.add(job("web"), NOW);
        assertThat(jobs.memo(one.id())).isEmpty();
        jobs.start(one.id(), NOW);
        jobs.memo(one.id(), Map.of("imageKey", "2049:17"));
        jobs.requeue(one.id(), true);
        assertThat(jobs.memo(one.id())).isEqualTo(Map.of("imageKey", "2049:17"));
        assertThat(jobs.memo(other.id())).isEmpty();
        jobs.memo(one.id(), Map.of());
        assertThat(jobs.memo(one.id())).isEmpty();
    }

    @Test
    void jobsAreListedInPagesNewestFirst() throws Exception {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            ids.add(0, jobs.add(job(i % 2 == 0 ? "even" : "odd"), NOW).id());
        }
        List<Long> paged = new ArrayList<>();
        long before = Long.MAX_VALUE;
        for (List<JobEntry> page = jobs.list(Jobs.Filter.ANY, before, 3);
                !page.isEmpty();
                page = jobs.list(Jobs.Filter.ANY, before, 3)) {
            assertThat(page).hasSizeLessThanOrEqualTo(3);
            page.forEach(one -> paged.add(one.id()));
            before = page.get(page.size() - 1).id();
        }
        assertThat(paged).isEqualTo(ids);
        assertThat(jobs.list(new Jobs.Filter(null, null, "odd"), Long.MAX_VALUE, 100))
                .hasSize(3);
        jobs.start(ids.get(0), NOW);
        assertThat(jobs.list(new Jobs.Filter(JobEntry.State.RUNNING, JobEntry.Kind.BACKUP, null), Long.MAX_VALUE, 100))
                .extracting(JobEntry::id)
                .containsExactly(ids.get(0));
    }

    @Test
    void countsAndSumsAreOfTheirTimeOnly() throws Exception {
        Instant[] ends = {NOW.minusSeconds(100), NOW, NOW.plusSeconds(100)};
        for (Instant end : ends) {
            JobEntry good = jobs.add(job("web"), end);
            jobs.finish(good.id(), new Jobs.End(JobEntry.State.SUCCEEDED, Map.of(), null, List.of()), end);
            JobEntry bad = jobs.add(job("web"), end);
            jobs.finish(bad.id(), new Jobs.End(JobEntry.State.FAILED, null, Map.of(), List.of()), end);
        }
        assertThat(jobs.tally(NOW)).isEqualTo(new Jobs.Tally(2, 2));
        assertThat(jobs.tally(NOW.plusSeconds(101))).isEqualTo(new Jobs.Tally(0, 0));
        assertThat(jobs.succeededSince(JobEntry.Kind.BACKUP, NOW)).hasSize(2);
        assertThat(jobs.succeededSince(JobEntry.Kind.VERIFY, NOW)).isEmpty();
        JobEntry other = jobs.add(job("db"), NOW);
        jobs.finish(other.id(), new Jobs.End(JobEntry.State.CANCELLED, null, null, List.of()), NOW.plusSeconds(300));
        jobs.add(job("db"), NOW);
        assertThat(jobs.lastFinishedOfEach(JobEntry.Kind.BACKUP))
                .extracting(job -> job.container() + " " + job.state())
                .containsExactlyInAnyOrder("web FAILED", "db CANCELLED");
        assertThat(jobs.lastFinishedOfEach(JobEntry.Kind.VERIFY)).isEmpty();
        jobs.add(job("web"), NOW);
        assertThat(jobs.removeEndedBefore(NOW.plusSeconds(100))).isEqualTo(4);
        assertThat(jobs.open()).hasSize(2);
    }

    @Test
    void aJobsLogKeepsItsOrderAndGoesWithIt() throws Exception {
        JobEntry one = jobs.add(job("web"), NOW);
        for (int i = 0; i < 12; i++) {
            jobs.log(one.id(), new Jobs.LogLine(NOW.plusSeconds(i), "INFO", "line " + i));
        }
        jobs.log(one.id(), new Jobs.LogLine(NOW, "WARN", "x".repeat(10_000)));
        List<Jobs.LogLine> lines = jobs.logOf(one.id());
        assertThat(lines).hasSize(13);
        assertThat(lines.get(11).text()).isEqualTo("line 11");
        assertThat(lines.get(12).text().length()).isLessThan(10_000);
        jobs.finish(one.id(), new Jobs.End(JobEntry.State.CANCELLED, null, null, List.of()), NOW);
        jobs.removeEndedBefore(NOW.plusSeconds(1));
        assertThat(jobs.logOf(one.id())).isEmpty();
    }

    @Test
    void anApplianceKeepsItsIdentity() {
        String id = new ApplianceIdentity(catalogue.jdbi()).id();
        assertThat(id).isNotBlank();
        assertThat(new ApplianceIdentity(catalogue.jdbi()).id()).isEqualTo(id);
        try (MemoryCatalogue other = new MemoryCatalogue()) {
            assertThat(new ApplianceIdentity(other.jdbi()).id()).isNotEqualTo(id);
        }
    }

    @Test
    void marksOfPointsAreSetAndTakenBack() {
        PointCache cache = new PointCache(catalogue.jdbi());
        PointCache.Mark kept = new PointCache.Mark(true, null, "newest; daily", NOW);
        PointCache.Mark expired = new PointCache.Mark(false, NOW, "", null);
        cache.mark(target("r"), "web", "point-1", kept);
        cache.mark(target("r"), "web", "point-2", expired);
        cache.mark(target("other"), "web", "point-1", expired);
        assertThat(cache.marks(target("r"), "web"))
                .containsOnly(Map.entry("point-1", kept), Map.entry("point-2", expired));
        cache.mark(target("r"), "web", "point-2", kept);
        assertThat(cache.marks(target("r"), "web")).containsEntry("point-2", kept);
        assertThat(cache.marks(target("r"), "db")).isEmpty();
    }

    @Test
    void aReplicaKnowsItsSourceAndKeepsHowItsRunsWent() throws Exception {
        Replicas replicas = new Replicas(catalogue.jdbi());
        targets.add(target("here"));
        targets.add(target("there"));
        ReplicaEntry fresh = ReplicaEntry.fresh("there", "here", 60, 600, "unlimited", NOW);
        replicas.add(fresh);
        assertThat(replicas.all()).containsExactly(fresh);
        assertThat(targets.get("there").replicaOf()).isEqualTo("here");
        assertThat(targets.get("here").isReplica()).isFalse();
        refused(FailureKind.CONFLICT, "there", () -> replicas.add(fresh));
        refused(FailureKind.NOT_FOUND, "[there]", () -> replicas.get("here"));

        replicas.slotTaken("there", NOW);
        replicas.ran("there", NOW.plusSeconds(1), null);
        replicas.ran("there", NOW.plusSeconds(2), "x".repeat(5_000));
        ReplicaEntry after = replicas.get("there");
        assertThat(after.lastSlotAt()).isEqualTo(NOW);
        assertThat(after.lastSuccessAt()).isEqualTo(NOW.plusSeconds(1));
        assertThat(after.lastRunAt()).isEqualTo(NOW.plusSeconds(2));
        assertThat(after.lastError()).hasSize(2_000);
        replicas.ran("there", NOW.plusSeconds(3), null);
        assertThat(replicas.get("there").lastError()).isNull();

        replicas.update(new ReplicaEntry("there", "here", 1, 2, "off", false, NOW, null, null, null, null));
        assertThat(replicas.get("there").enabled()).isFalse();
        assertThat(replicas.get("there").bandwidth()).isEqualTo("off");
        assertThat(replicas.get("there").lastSuccessAt()).isEqualTo(NOW.plusSeconds(3));
        replicas.remove("there");
        assertThat(targets.get("there").isReplica()).isFalse();
    }

    private static TargetEntry copy(String name) {
        TargetEntry like = target("r");
        return new TargetEntry(name, like.kind(), like.settings(), null, like.repositoryId(), 2, false, null, NOW);
    }

    @Test
    void marksOfAReplicaAreItsOwnUntilTheyAreCarriedOver() throws Exception {
        PointCache cache = new PointCache(catalogue.jdbi());
        PointCache.Mark kept = new PointCache.Mark(true, null, "", NOW);
        PointCache.Mark expired = new PointCache.Mark(false, NOW, "", null);
        cache.mark(copy("here"), "web", "1", kept);
        cache.mark(copy("here"), "web", "2", expired);
        cache.mark(copy("there"), "web", "2", PointCache.Mark.NONE);
        assertThat(cache.marks(copy("there"), "web")).containsOnlyKeys("2");
        cache.copyMarks(copy("here"), copy("there"));
        assertThat(cache.marks(copy("there"), "web"))
                .containsOnly(Map.entry("1", kept), Map.entry("2", PointCache.Mark.NONE));
        assertThat(cache.marks(copy("here"), "web")).hasSize(2);
    }

    @Test
    void marksOfATargetThatWasRemovedAreThereWhenItIsAddedAgainByAnotherName() throws Exception {
        PointCache cache = new PointCache(catalogue.jdbi());
        PointCache.Mark kept = new PointCache.Mark(true, null, "", null);
        targets.add(copy("old"));
        cache.mark(copy("old"), "web", "1", kept);
        targets.add(copy("second"));
        cache.adopt(copy("second"));
        assertThat(cache.marks(copy("second"), "web"))
                .as("the old one is still a target")
                .isEmpty();
        targets.remove("old");
        targets.add(copy("new"));
        cache.adopt(copy("new"));
        assertThat(cache.marks(copy("new"), "web")).containsOnly(Map.entry("1", kept));
        assertThat(cache.marks(copy("old"), "web")).isEmpty();
    }
}
