package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class JitterPropertyTest {
    @Test
    void staysInItsSlotAndIsTheSameWhenAskedAgain() throws Exception {
        for (long seed : Seeds.of(50).toArray()) {
            Seeds.replayable(JitterPropertyTest.class, seed, random -> {
                Schedule schedule = random.nextBoolean()
                        ? EverySchedule.of(Duration.ofSeconds(1 + random.nextInt(10_000)))
                        : CronSchedule.of(CronPropertyTest.expression(random), ZoneId.of("America/St_Johns"));
                Jitter jitter = new Jitter(Duration.ofSeconds(random.nextInt(100_000)));
                Instant slot = schedule.next(Instant.ofEpochSecond(1_700_000_000L + random.nextInt(100_000_000)));
                Instant before = Instant.MIN;
                for (int i = 0; i < 50; i++) {
                    Instant due = jitter.due("p", "web", schedule, slot);
                    Instant next = schedule.next(slot);
                    assertThat(due).isEqualTo(jitter.due("p", "web", schedule, slot));
                    assertThat(due).isAfter(before).isAfterOrEqualTo(slot).isBefore(next);
                    assertThat(Duration.between(slot, due)).isLessThanOrEqualTo(jitter.most());
                    before = due;
                    slot = next;
                }
            });
        }
    }

    @Test
    void spreadsContainersAndSlots() {
        Schedule hourly = EverySchedule.of(Duration.ofHours(1));
        Jitter jitter = new Jitter(Duration.ofSeconds(600));
        Map<Long, Integer> minutes = new HashMap<>();
        for (int i = 0; i < 1000; i++) {
            Instant slot = Instant.ofEpochSecond(3600L * (400_000 + i % 10));
            Instant due = jitter.due("nightly", "container-" + i / 10, hourly, slot);
            minutes.merge(Duration.between(slot, due).toMinutes(), 1, Integer::sum);
        }
        assertThat(minutes).hasSize(10);
        assertThat(minutes.values()).allSatisfy(count -> assertThat(count).isBetween(60, 140));
    }
}
