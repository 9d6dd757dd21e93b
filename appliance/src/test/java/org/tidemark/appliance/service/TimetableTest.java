package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.MemoryCatalogue;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.PolicyEntry.ScheduleKind;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.scheduler.PolicyState;
import org.tidemark.scheduler.RetentionPolicy;

/** The catalogue's policies in the scheduler's words. */
final class TimetableTest {
    private static final Instant NOW = Instant.parse("2026-03-29T00:30:00Z");

    private MemoryCatalogue catalogue;
    private Policies policies;
    private Jobs jobs;
    private Timetable timetable;

    @BeforeEach
    void open() {
        catalogue = new MemoryCatalogue();
        policies = new Policies(catalogue.jdbi());
        jobs = new Jobs(catalogue.jdbi());
        timetable = new Timetable(policies, jobs);
    }

    @AfterEach
    void close() {
        catalogue.close();
    }

    private static PolicyEntry.Schedule every(Long seconds, String cron) {
        return new PolicyEntry.Schedule(ScheduleKind.EVERY, seconds, cron, null, null, null);
    }

    private static PolicyEntry.Schedule cron(String cron, String zone) {
        return new PolicyEntry.Schedule(ScheduleKind.CRON, null, cron, zone, null, null);
    }

    private void refused(PolicyEntry.Schedule schedule, String words) {
        assertThatThrownBy(() -> timetable.check(schedule))
                .isInstanceOfSatisfying(
                        ApplianceException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.USAGE))
                .hasMessageContaining(words);
    }

    @Test
    void whatMakesNoScheduleIsRefusedWithTheReason() throws Exception {
        refused(every(null, null), "'everySeconds'");
        refused(every(60L, "* * * * *"), "no 'cron'");
        refused(cron(null, null), "has 'cron'");
        refused(cron("61 * * * *", "UTC"), "61");
        refused(cron("* * *", "UTC"), "schedule: ");
        refused(cron("0 2 * * *", "Mars/Olympus"), "Mars/Olympus");
        refused(cron("0 0 30 2 *", "UTC"), "schedule: ");
        timetable.check(every(60L, null));
        timetable.check(cron("0 2 * * *", "Europe/Berlin"));
    }

    @Test
    void runsFollowTheZonesClock() throws Exception {
        assertThat(timetable.nextRuns(cron("0 4 * * *", "Europe/Berlin"), NOW.minus(Duration.ofDays(1)), 3))
                .containsExactly(
                        Instant.parse("2026-03-28T03:00:00Z"),
                        Instant.parse("2026-03-29T02:00:00Z"),
                        Instant.parse("2026-03-30T02:00:00Z"));
        assertThat(timetable.sentence(cron("0 4 * * *", "Europe/Berlin"))).contains("Europe/Berlin");
    }

    @Test
    void retentionIsCarriedOverRuleByRule() {
        assertThat(Timetable.retention(new PolicyEntry.Retention(1, 2, 3, 4, 5, 6, 7L)))
                .isEqualTo(new RetentionPolicy(1, 2, 3, 4, 5, 6, Duration.ofSeconds(7)));
        assertThat(Timetable.retention(PolicyEntry.Retention.ALL)).isEqualTo(RetentionPolicy.KEEP_ALL);
        assertThat(Timetable.retention(new PolicyEntry.Retention(0, 0, 0, 0, 0, 0, 0L)))
                .isEqualTo(RetentionPolicy.KEEP_ALL);
    }

    @Test
    void aContainerWithABackupOfItsPolicyUnderWayIsBusy() throws Exception {
        for (String name : List.of("web", "db")) {
            new Containers(catalogue.jdbi()).add(new ContainerEntry(name, List.of(), ContainerEntry.Runtime.NONE, NOW));
        }
        new Targets(catalogue.jdbi())
                .add(new TargetEntry("t", TargetEntry.Kind.LOCAL, Map.of(), null, "r", 1, false, null, NOW));
        policies.add(new PolicyEntry(
                "p", "t", List.of("db", "web"), every(60L, null), PolicyEntry.Retention.ALL, true, NOW, NOW));
        jobs.add(new NewJob(JobEntry.Kind.BACKUP, "web", "t", "p", JobEntry.Cause.SCHEDULE, "schedule", Map.of()), NOW);
        jobs.add(new NewJob(JobEntry.Kind.BACKUP, "db", "t", null, JobEntry.Cause.MANUAL, "anna", Map.of()), NOW);
        assertThat(timetable.states()).singleElement().satisfies(state -> assertThat(state.containers())
                .extracting(PolicyState.ContainerState::container, PolicyState.ContainerState::running)
                .containsExactlyInAnyOrder(
                        org.assertj.core.groups.Tuple.tuple("db", false),
                        org.assertj.core.groups.Tuple.tuple("web", true)));
    }
}
