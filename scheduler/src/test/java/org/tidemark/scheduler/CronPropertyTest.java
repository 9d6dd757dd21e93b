package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Cron against a walk over every minute, in zones with awkward clocks, at time changes, leap days and year ends. */
final class CronPropertyTest {
    private static final List<String> ZONES = List.of(
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Cairo",
            "Asia/Kathmandu",
            "Africa/Casablanca",
            "Antarctica/Troll",
            "UTC");

    @Test
    void sameSlotsAsAWalkOverEveryMinute() throws Exception {
        for (long seed : Seeds.of(600).toArray()) {
            Seeds.replayable(CronPropertyTest.class, seed, random -> {
                String expression = expression(random);
                ZoneId zone = ZoneId.of(ZONES.get(random.nextInt(ZONES.size())));
                Instant from = moment(random, zone);
                Instant until = from.plus(Duration.ofDays(3));
                CronSchedule schedule = CronSchedule.of(expression, zone);
                List<Instant> expected = new CronOracle(expression, zone).slots(from, until);
                assertThat(CronOracle.ask(schedule::next, from, until))
                        .as("%s %s after %s", expression, zone, from)
                        .isEqualTo(expected);
                Instant probe = from.plusSeconds(random.nextInt(3 * 86_400));
                List<Instant> before =
                        expected.stream().filter(slot -> !slot.isAfter(probe)).toList();
                Instant latest = schedule.latest(probe);
                if (before.isEmpty()) {
                    assertThat(latest).isBeforeOrEqualTo(from);
                    assertThat(schedule.next(latest)).isAfter(probe);
                } else {
                    assertThat(latest).as("%s latest at %s", schedule, probe).isEqualTo(before.get(before.size() - 1));
                }
            });
        }
    }

    /** Control: what java.time does by itself with a missing hour, and cron without the crontab rule, are caught. */
    @Test
    void theWalkCatchesOtherRules() {
        int caught = 0;
        for (long seed = 1; seed <= 300; seed++) {
            Random random = new Random(seed);
            String expression = expression(random);
            ZoneId zone = ZoneId.of(ZONES.get(random.nextInt(ZONES.size() - 1)));
            Instant from = moment(random, zone);
            Instant until = from.plus(Duration.ofDays(3));
            CronOracle oracle = new CronOracle(expression, zone);
            List<Instant> naive = CronOracle.ask(after -> naive(oracle, zone, after, until), from, until);
            caught += naive.equals(oracle.slots(from, until)) ? 0 : 1;
        }
        assertThat(caught).isGreaterThan(10);
    }

    private static Instant naive(CronOracle oracle, ZoneId zone, Instant after, Instant until) {
        LocalDateTime local = LocalDateTime.ofInstant(after, zone).withSecond(0).withNano(0);
        Instant slot;
        do {
            local = local.plusMinutes(1);
            slot = local.atZone(zone).toInstant();
        } while (!slot.isAfter(until) && !(oracle.matches(local) && slot.isAfter(after)));
        return slot;
    }

    /** Most of the time shortly before a time change of the zone, else around a leap day or a year's end. */
    private static Instant moment(Random random, ZoneId zone) {
        int year = 2005 + random.nextInt(30);
        Instant start = LocalDateTime.of(year, 1, 1, 0, 0).atZone(zone).toInstant();
        ZoneOffsetTransition change = zone.getRules().nextTransition(start);
        Instant around = start;
        if (zone.getId().equals("Pacific/Apia") && random.nextBoolean()) {
            around = Instant.parse("2011-12-30T10:00:00Z");
        } else if (change != null && random.nextInt(4) > 0) {
            ZoneOffsetTransition second = zone.getRules().nextTransition(change.getInstant());
            around = second != null && random.nextBoolean() ? second.getInstant() : change.getInstant();
        } else if (random.nextBoolean()) {
            around = LocalDateTime.of(2008 + 4 * random.nextInt(6), 2, 29, 12, 0)
                    .atZone(zone)
                    .toInstant();
        }
        return around.minusSeconds(random.nextInt(2 * 86_400)).plusMillis(random.nextInt(1000));
    }

    static String expression(Random random) {
        return String.join(
                " ",
                field(random, 0, 59, 3),
                field(random, 0, 23, 2),
                random.nextInt(8) == 0 ? "L" : random.nextInt(3) == 0 ? field(random, 1, 28, 2) : "*",
                random.nextInt(6) == 0 ? field(random, 1, 12, 2) : "*",
                random.nextInt(3) == 0 ? field(random, 0, 6, 2) : "*");
    }

    private static String field(Random random, int low, int high, int stars) {
        int span = high - low + 1;
        int kind = random.nextInt(stars + 4);
        int one = low + random.nextInt(span);
        if (kind == 0) {
            return Integer.toString(one);
        }
        if (kind == 1) {
            return "*/" + (1 + random.nextInt(span - 1));
        }
        if (kind == 2) {
            int last = one + random.nextInt(high - one + 1);
            return one + "-" + last + (random.nextBoolean() ? "/" + (1 + random.nextInt(5)) : "");
        }
        return kind == 3 ? one + "," + (low + random.nextInt(span)) : "*";
    }
}
