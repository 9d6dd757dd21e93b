package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CronScheduleTest {

    /** The next slots after a wall-clock time, as wall-clock times with offset. */
    private static List<String> next(String expression, String zone, String from, int count) {
        ZoneId id = ZoneId.of(zone);
        CronSchedule schedule = CronSchedule.of(expression, id);
        Instant slot = LocalDateTime.parse(from).atZone(id).toInstant();
        List<String> slots = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            slot = schedule.next(slot);
            slots.add(OffsetDateTime.ofInstant(slot, id).toString());
        }
        return slots;
    }

    private static String nextUtc(String expression, String from) {
        return CronSchedule.of(expression, ZoneOffset.UTC)
                .next(Instant.parse(from))
                .toString();
    }

    @Test
    void aTimeThatDoesNotExistRunsAfterTheGapOnce() {
        assertThat(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2))
                .containsExactly("2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00");
        assertThat(next("*/10 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2))
                .containsExactly("2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00");
        assertThat(next("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", 2))
                .containsExactly("2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00");
    }

    @Test
    void midnightThatDoesNotExistIsNotADayLost() {
        assertThat(next("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00", 2))
                .containsExactly("2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00");
    }

    @Test
    void aDayThatDoesNotExistRunsWhenTheNextBegins() {
        assertThat(next("0 5 * * *", "Pacific/Apia", "2011-12-29T12:00", 3))
                .containsExactly("2011-12-31T00:00+14:00", "2011-12-31T05:00+14:00", "2012-01-01T05:00+14:00");
    }

    @Test
    void aTimeThatComesTwiceRunsOnce() {
        assertThat(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2))
                .containsExactly("2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00");
        assertThat(next("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00", 2))
                .containsExactly("2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30");
    }

    @Test
    void everyHourMeansEveryHour() {
        assertThat(next("30 * * * *", "Europe/Berlin", "2026-10-25T01:45", 3))
                .containsExactly("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00");
        assertThat(next("*/30 * * * *", "Europe/Berlin", "2026-10-25T02:15", 4))
                .containsExactly(
                        "2026-10-25T02:30+02:00",
                        "2026-10-25T02:00+01:00",
                        "2026-10-25T02:30+01:00",
                        "2026-10-25T03:00+01:00");
    }

    @Test
    void fromWithinTheRepeatedHour() {
        CronSchedule daily = CronSchedule.of("30 2 * * *", ZoneId.of("Europe/Berlin"));
        assertThat(daily.next(Instant.parse("2026-10-25T01:10:00Z"))).isEqualTo("2026-10-26T01:30:00Z");
        assertThat(daily.latest(Instant.parse("2026-10-25T01:59:00Z"))).isEqualTo("2026-10-25T00:30:00Z");
    }

    @Test
    void leapDaysAndYearEnds() {
        assertThat(nextUtc("0 0 29 2 *", "2096-02-29T00:00:00Z")).isEqualTo("2104-02-29T00:00:00Z");
        assertThat(nextUtc("0 12 L * *", "2027-02-01T00:00:00Z")).isEqualTo("2027-02-28T12:00:00Z");
        assertThat(nextUtc("0 12 L 2 *", "2027-03-01T00:00:00Z")).isEqualTo("2028-02-29T12:00:00Z");
        assertThat(nextUtc("59 23 31 12 *", "2026-12-31T23:58:59.999Z")).isEqualTo("2026-12-31T23:59:00Z");
        assertThat(nextUtc("@yearly", "2026-12-31T23:59:59Z")).isEqualTo("2027-01-01T00:00:00Z");
        assertThat(CronSchedule.of("0 0 29 2 *", ZoneOffset.UTC).latest(Instant.parse("2104-02-28T00:00:00Z")))
                .isEqualTo("2096-02-29T00:00:00Z");
    }

    @Test
    void bothDayFieldsMeanEither() {
        assertThat(nextUtc("0 0 13 * 5", "2026-11-22T00:00:00Z")).isEqualTo("2026-11-27T00:00:00Z");
        assertThat(nextUtc("0 0 1-7 * */5", "2026-11-22T00:00:00Z")).isEqualTo("2026-12-04T00:00:00Z");
    }

    @Test
    void namesMacrosAndSunday() {
        assertThat(nextUtc("0 2 * JAN mon-fri", "2026-11-22T00:00:00Z")).isEqualTo("2027-01-01T02:00:00Z");
        assertThat(nextUtc("0 0 * * 7", "2026-11-22T00:00:00Z")).isEqualTo("2026-11-29T00:00:00Z");
        assertThat(nextUtc("0 0 * * Fri-Sun", "2026-11-22T00:00:00Z")).isEqualTo("2026-11-27T00:00:00Z");
        assertThat(nextUtc("@Daily", "2026-11-22T00:00:00Z")).isEqualTo("2026-11-23T00:00:00Z");
        assertThat(nextUtc(" 5/20  *\t* * * ", "2026-11-22T00:05:00Z")).isEqualTo("2026-11-22T00:25:00Z");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "* * * *",
                "0 0 * * * *",
                "@reboot",
                "60 * * * *",
                "* 24 * * *",
                "* * 0 * *",
                "* * 32 * *",
                "* * * 13 *",
                "* * * * 8",
                "5-1 * * * *",
                "*/0 * * * *",
                "*/60 * * * *",
                "a * * * *",
                "1,,2 * * * *",
                "-1 * * * *",
                "1- * * * *",
                "* * ? * *",
                "0 0 30 2 *",
                "0 0 31 4,6,9,11 *",
                "1.5 * * * *",
                "+1 * * * *",
                "١ * * * *",
                "* * 1,L * *",
                "99999999999 * * * *"
            })
    void whatIsWrongIsRefused(String expression) {
        assertThatThrownBy(() -> CronSchedule.of(expression, ZoneOffset.UTC))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("cron: ");
    }
}
