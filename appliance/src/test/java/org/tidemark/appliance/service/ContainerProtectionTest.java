package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.MemoryCatalogue;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;

/** "Am I safe?", answered for one container whose policy runs every ten minutes. */
final class ContainerProtectionTest {
    private static final Instant SINCE = Instant.parse("2026-03-01T00:00:00Z");
    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");
    private static final ContainerEntry WEB = new ContainerEntry("web", List.of(), ContainerEntry.Runtime.NONE, SINCE);
    private static final TargetEntry TARGET = new TargetEntry(
            "t", TargetEntry.Kind.LOCAL, Map.of("path", "/t"), null, KnownPoints.REPOSITORY, 1, false, null, SINCE);

    private MemoryCatalogue catalogue;
    private Policies policies;
    private Jobs jobs;
    private KnownPoints known;
    private ContainerProtection protection;

    @BeforeEach
    void open() throws Exception {
        catalogue = new MemoryCatalogue();
        policies = new Policies(catalogue.jdbi());
        jobs = new Jobs(catalogue.jdbi());
        Targets targets = new Targets(catalogue.jdbi());
        Points points = new Points(new PointCache(catalogue.jdbi()));
        known = new KnownPoints(TARGET, points);
        protection = new ContainerProtection(points, targets, policies, jobs, new Timetable(policies, jobs));
        targets.add(TARGET);
        new Containers(catalogue.jdbi()).add(WEB);
    }

    @AfterEach
    void close() {
        catalogue.close();
    }

    private void everyTenMinutes(boolean enabled, Instant effectiveAt) throws Exception {
        policies.add(new PolicyEntry(
                "p",
                "t",
                List.of("web"),
                new PolicyEntry.Schedule(PolicyEntry.ScheduleKind.EVERY, 600L, null, "UTC", null, null),
                PolicyEntry.Retention.ALL,
                enabled,
                SINCE,
                effectiveAt));
    }

    private JobEntry backup() throws Exception {
        return jobs.add(
                new NewJob(JobEntry.Kind.BACKUP, "web", "t", "p", JobEntry.Cause.SCHEDULE, "schedule", Map.of()), NOW);
    }

    private void failed(String why) throws Exception {
        jobs.finish(
                backup().id(),
                new Jobs.End(JobEntry.State.FAILED, null, Map.of("detail", why), List.of()),
                NOW.minusSeconds(60));
    }

    private Protection look() {
        return protection.at(NOW).of(WEB);
    }

    private void is(Protection.State state, String... words) {
        Protection now = look();
        assertThat(now.state()).as(now.sentence()).isEqualTo(state);
        assertThat(now.sentence()).contains(words);
    }

    @Test
    void noPolicyIsNoProtectionWhateverPointsThereAre() throws Exception {
        is(Protection.State.UNPROTECTED, "No policy backs it up; there is no recovery point. Add it to a policy.");
        known.add("web", NOW.minusSeconds(1));
        is(Protection.State.UNPROTECTED, "the newest point is 1 second old");
        everyTenMinutes(false, SINCE);
        is(Protection.State.UNPROTECTED, "No policy");
        assertThat(protection.at(NOW).policiesOf(WEB))
                .as("switched off, but its policy")
                .hasSize(1);
    }

    @Test
    void aNewPolicyIsAwaitedAndThenLate() throws Exception {
        everyTenMinutes(true, NOW.minusSeconds(5));
        is(Protection.State.AWAITED, "The first backup comes with the next run of its policy.");
        assertThat(look().nextRunAt()).isNotNull();
        policies.remove("p");
        everyTenMinutes(true, SINCE);
        is(Protection.State.LATE, "There is no recovery point; it should be at most 15 minutes old.");
    }

    @Test
    void safeIsAPointAsYoungAsPromised() throws Exception {
        everyTenMinutes(true, SINCE);
        String id = known.add("web", NOW.minus(Duration.ofMinutes(8)));
        is(Protection.State.SAFE, "The newest point is 8 minutes old; up to 15 minutes is fine.");
        Protection safe = look();
        assertThat(safe.newestPointId()).isEqualTo(id);
        assertThat(safe.newestTarget()).isEqualTo("t");
        assertThat(safe.ageSeconds()).isEqualTo(480);
        assertThat(safe.rpoSeconds()).isEqualTo(900);
        Protection later = protection.at(NOW.plus(Duration.ofMinutes(20))).of(WEB);
        assertThat(later.state()).as(later.sentence()).isEqualTo(Protection.State.LATE);
        assertThat(later.sentence())
                .isEqualTo("The newest point is 28 minutes old; it should be at most 15 minutes old.");
    }

    @Test
    void aPointOfAnotherContainerIsNone() throws Exception {
        everyTenMinutes(true, SINCE);
        known.add("db", NOW.minusSeconds(30));
        is(Protection.State.LATE, "There is no recovery point");
    }

    @Test
    void aFailureIsSaidUntilABackupSucceeds() throws Exception {
        everyTenMinutes(true, SINCE);
        known.add("web", NOW.minus(Duration.ofMinutes(8)));
        failed("target t does not answer");
        is(Protection.State.FAILING, "The last backup failed: target t does not answer. The newest point is 8 minutes");
        JobEntry again = backup();
        is(Protection.State.RUNNING, "A backup is on its way; the newest point is 8 minutes old.");
        jobs.finish(again.id(), new Jobs.End(JobEntry.State.SUCCEEDED, Map.of(), null, List.of()), NOW);
        is(Protection.State.SAFE, "8 minutes old");
    }

    @Test
    void aPointOfTheFutureIsNoReasonToFeelSafe() throws Exception {
        everyTenMinutes(true, SINCE);
        known.add("web", NOW.plus(Duration.ofDays(3)));
        assertThat(look().state()).isEqualTo(Protection.State.LATE);
    }

    @Test
    void timesAreToldInTheirGreatestUnit() {
        assertThat(ContainerProtection.words(Duration.ofSeconds(1))).isEqualTo("1 second");
        assertThat(ContainerProtection.words(Duration.ofSeconds(119))).isEqualTo("119 seconds");
        assertThat(ContainerProtection.words(Duration.ofMinutes(119))).isEqualTo("119 minutes");
        assertThat(ContainerProtection.words(Duration.ofHours(47))).isEqualTo("47 hours");
        assertThat(ContainerProtection.words(Duration.ofDays(2))).isEqualTo("2 days");
    }
}
