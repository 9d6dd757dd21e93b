package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SentencesTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 2 * * *      | every day at 02:00 Europe/Berlin",
                "@daily         | every day at 00:00 Europe/Berlin",
                "30 22 * * 1-5  | every Monday to Friday at 22:30 Europe/Berlin",
                "30 22 * * sat,0| every Saturday and Sunday at 22:30 Europe/Berlin",
                "@weekly        | every Sunday at 00:00 Europe/Berlin",
                "15 4 1 * *     | on day 1 of every month at 04:15 Europe/Berlin",
                "15 4 L * *     | on the last day of every month at 04:15 Europe/Berlin",
                "@yearly        | every year on 1 January at 00:00 Europe/Berlin",
                "* * * * *      | every minute Europe/Berlin",
                "*/15 * * * *   | every 15 minutes Europe/Berlin",
                "@hourly        | every full hour Europe/Berlin",
                "7 * * * *      | every hour at minute 7 Europe/Berlin",
                "7 */6 * * *    | every 6 hours at minute 7 Europe/Berlin",
                "*/7 * * * *    | by cron '*/7 * * * *' Europe/Berlin",
                "0 2 13 * 5     | by cron '0 2 13 * 5' Europe/Berlin",
                "0 8,20 * * *   | by cron '0 8,20 * * *' Europe/Berlin",
            })
    void cronInWords(String expression, String words) {
        assertThat(Sentences.schedule(CronSchedule.of(expression, ZoneId.of("Europe/Berlin"))))
                .isEqualTo(words);
    }

    @Test
    void periodsInWords() {
        assertThat(Sentences.schedule(EverySchedule.of(Duration.ofMinutes(5)))).isEqualTo("every 5 minutes");
        assertThat(Sentences.schedule(EverySchedule.of(Duration.ofHours(1)))).isEqualTo("every hour");
        assertThat(Sentences.schedule(EverySchedule.of(Duration.ofSeconds(90)))).isEqualTo("every 1 minute 30 seconds");
        assertThat(Sentences.schedule(
                        EverySchedule.of(Duration.ofMinutes(5)),
                        new Jitter(Duration.ofSeconds(30)),
                        MissedRuns.RUN_ONCE))
                .isEqualTo("every 5 minutes, spread over 30 seconds, and at once after a pause");
    }

    @Test
    void retentionInWords() {
        assertThat(Sentences.retention(RetentionPolicy.KEEP_ALL)).isEqualTo("keeps every point");
        assertThat(Sentences.retention(new RetentionPolicy(12, 24, 7, 0, 0, 0, null)))
                .isEqualTo("keeps the last 12, 24 hourly and 7 daily");
        assertThat(Sentences.retention(new RetentionPolicy(0, 0, 0, 4, 12, 3, Duration.ofDays(2))))
                .isEqualTo("keeps 4 weekly, 12 monthly, 3 yearly and everything of the last 2 days");
    }

    @Test
    void howSafeItIs() {
        Schedule hourly = EverySchedule.of(Duration.ofHours(1));
        Instant now = Instant.parse("2026-11-22T12:00:00Z");
        assertThat(rpo(now.minusSeconds(185), hourly, now)).isEqualTo("the newest point is 3 minutes 5 seconds old");
        assertThat(rpo(now.minusSeconds(100_000), hourly, now))
                .isEqualTo("the newest point is 1 day 3 hours old, late by 1 day 2 hours");
        assertThat(rpo(null, hourly, now)).isEqualTo("no point yet, late by 20 days 10 hours");
        assertThat(rpo(now.plusSeconds(86_400), hourly, now))
                .isEqualTo("the newest point is of the future: the clock is wrong, or was");
    }

    private static String rpo(@Nullable Instant newest, Schedule schedule, Instant now) {
        Instant since = Instant.parse("2026-11-02T00:00:00Z");
        return Sentences.rpo(RpoMonitor.status(newest, schedule, Duration.ofMinutes(30), since, now), now);
    }
}
