package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Admission under a long random load: limits kept, one job for each container, room used, nobody starved. */
final class JobQueuePropertyTest {
    private static final JobQueue.Limits LIMITS = new JobQueue.Limits(3, Map.of("s3", 1, "nfs", 2));

    /** {@link JobQueue#admit}, or something that should be found to be wrong. */
    @FunctionalInterface
    private interface Admission {
        List<JobQueue.Queued> admit(
                List<JobQueue.Queued> queued, List<JobQueue.Running> running, JobQueue.Limits limits, Instant now);
    }

    private static final class Load {
        private final Admission admission;
        private final Random random;
        private final List<JobQueue.Queued> queued = new ArrayList<>();
        private final List<JobQueue.Running> running = new ArrayList<>();
        private final Map<String, Integer> passedBy = new HashMap<>();
        private Instant now = Instant.parse("2026-11-22T12:00:00Z");
        private int number;

        Load(Admission admission, Random random) {
            this.admission = admission;
            this.random = random;
        }

        void run() {
            for (int step = 0; step < 3000; step++) {
                now = now.plusSeconds(random.nextInt(60));
                // As much comes as goes, or more: there is always a queue, often of people's jobs only.
                for (int i = random.nextInt(3); i > 0 && queued.size() < 30; i--) {
                    queued.add(job(step % 500 > 100));
                }
                if (!running.isEmpty()) {
                    running.remove(random.nextInt(running.size()));
                }
                List<JobQueue.Queued> started = admission.admit(List.copyOf(queued), List.copyOf(running), LIMITS, now);
                order(started);
                queued.removeAll(started);
                started.forEach(job -> running.add(new JobQueue.Running(job.id(), job.container(), job.target())));
                limits();
                roomUsed();
                starved(started);
            }
        }

        private JobQueue.Queued job(boolean manual) {
            String container = random.nextInt(8) == 0 ? null : "c" + random.nextInt(5);
            String target = List.of("s3", "s3", "nfs", "local").get(random.nextInt(4));
            return new JobQueue.Queued(
                    String.format("%06d", number++), container, random.nextInt(8) == 0 ? null : target, manual, now);
        }

        private void limits() {
            assertThat(running).hasSizeLessThanOrEqualTo(3);
            assertThat(running.stream().filter(job -> "s3".equals(job.target())))
                    .hasSizeLessThanOrEqualTo(1);
            assertThat(running.stream().filter(job -> "nfs".equals(job.target())))
                    .hasSizeLessThanOrEqualTo(2);
            List<String> containers = running.stream()
                    .map(JobQueue.Running::container)
                    .filter(container -> container != null)
                    .toList();
            assertThat(containers).doesNotHaveDuplicates();
        }

        /** A person's job is never started after a younger one that wants the same container or target. */
        private void order(List<JobQueue.Queued> started) {
            for (JobQueue.Queued first : queued) {
                for (JobQueue.Queued second : started) {
                    boolean sameClaim =
                            first.container() != null && first.container().equals(second.container());
                    if (sameClaim && first.manual() && first.since().isBefore(second.since())) {
                        assertThat(started.indexOf(first))
                                .as("%s before %s", first, second)
                                .isBetween(0, started.indexOf(second));
                    }
                }
            }
        }

        private void roomUsed() {
            if (running.size() == 3) {
                return;
            }
            Set<String> claimed = new HashSet<>();
            running.forEach(job -> claimed.add(String.valueOf(job.container())));
            queued.forEach(job -> claimed.add(String.valueOf(job.container())));
            for (JobQueue.Queued job : queued) {
                boolean targetFull = "s3".equals(job.target()) && count("s3") == 1
                        || "nfs".equals(job.target()) && count("nfs") == 2;
                boolean waitsForContainer = job.container() != null
                        && (running.stream().anyMatch(other -> job.container().equals(other.container()))
                                || queued.stream()
                                        .anyMatch(other ->
                                                other != job && job.container().equals(other.container())));
                assertThat(targetFull || waitsForContainer)
                        .as("%s may start", job)
                        .isTrue();
            }
        }

        private long count(String target) {
            return running.stream().filter(job -> target.equals(job.target())).count();
        }

        /** A job may see only so many younger ones start once its age counts. */
        private void starved(List<JobQueue.Queued> started) {
            for (JobQueue.Queued job : queued) {
                if (Duration.between(job.since(), now).compareTo(JobQueue.PATIENCE) > 0) {
                    long younger = started.stream()
                            .filter(other -> other.since().isAfter(job.since()))
                            .count();
                    int passed = passedBy.merge(job.id(), (int) younger, Integer::sum);
                    assertThat(passed).as("younger ones before %s", job).isLessThan(120);
                }
            }
        }
    }

    @Test
    void limitsOrderAndNobodyStarved() throws Exception {
        for (long seed : Seeds.of(15).toArray()) {
            Seeds.replayable(JobQueuePropertyTest.class, seed, random -> new Load(JobQueue::admit, random).run());
        }
    }

    /** Controls: newest first; no limit; people's jobs always first; half the room left empty. */
    @Test
    void theLoadCatchesWrongAdmission() {
        assertThat(isCaught((queued, running, limits, now) -> reversed(queued, running, limits)))
                .isTrue();
        assertThat(isCaught((queued, running, limits, now) ->
                        JobQueue.admit(queued, running, new JobQueue.Limits(3, Map.of()), now)))
                .isTrue();
        assertThat(isCaught((queued, running, limits, now) ->
                        JobQueue.admit(queued, running, limits, Instant.parse("2026-11-22T12:00:00Z"))))
                .isTrue();
        assertThat(isCaught((queued, running, limits, now) ->
                        JobQueue.admit(queued, running, new JobQueue.Limits(2, limits.targets()), now)))
                .isTrue();
        assertThat(isCaught((queued, running, limits, now) -> JobQueue.admit(queued, List.of(), limits, now)))
                .isTrue();
    }

    private static List<JobQueue.Queued> reversed(
            List<JobQueue.Queued> queued, List<JobQueue.Running> running, JobQueue.Limits limits) {
        Instant epoch = Instant.EPOCH;
        List<String> youngestFirst = queued.stream()
                .sorted(Comparator.comparing(JobQueue.Queued::id).reversed())
                .map(JobQueue.Queued::id)
                .toList();
        List<JobQueue.Queued> turned = queued.stream()
                .map(job -> new JobQueue.Queued(
                        job.id(),
                        job.container(),
                        job.target(),
                        true,
                        epoch.plusSeconds(youngestFirst.indexOf(job.id()))))
                .toList();
        Set<String> started = new HashSet<>();
        JobQueue.admit(turned, running, limits, epoch).forEach(job -> started.add(job.id()));
        return queued.stream().filter(job -> started.contains(job.id())).toList();
    }

    private static boolean isCaught(Admission wrong) {
        try {
            new Load(wrong, new Random(1)).run();
            return false;
        } catch (AssertionError e) {
            return true;
        }
    }

    @Test
    void whatAPersonAskedForGoesFirstForAWhile() {
        Instant now = Instant.parse("2026-11-22T12:00:00Z");
        JobQueue.Queued scheduled = new JobQueue.Queued("1", "a", "s3", false, now.minusSeconds(600));
        JobQueue.Queued manual = new JobQueue.Queued("2", "b", "s3", true, now.minusSeconds(5));
        List<JobQueue.Queued> both = List.of(scheduled, manual);
        assertThat(JobQueue.admit(both, List.of(), LIMITS, now)).containsExactly(manual);
        assertThat(JobQueue.admit(both, List.of(), LIMITS, now.plusSeconds(301)))
                .containsExactly(scheduled);
    }
}
