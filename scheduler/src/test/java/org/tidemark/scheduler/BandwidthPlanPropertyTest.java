package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random plans, minute by minute over both time changes of a year, against a table that is filled in the plain way. */
final class BandwidthPlanPropertyTest {
    private static final String[] DAYS = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    private static final int WEEK_MINUTES = 7 * 24 * 60;

    @Test
    void thePlanIsWhatItsTableSays() throws Exception {
        for (long seed : Seeds.of(50).toArray()) {
            Seeds.replayable(BandwidthPlanPropertyTest.class, seed, random -> {
                long[] table = new long[WEEK_MINUTES];
                String text = plan(random, table);
                BandwidthPlan plan = BandwidthPlan.parse(text);
                assertThat(BandwidthPlan.parse(plan.toString())).as(text).isEqualTo(plan);
                ZoneId zone = ZoneId.of(List.of("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC")
                        .get(random.nextInt(4)));
                for (String start : List.of("2026-03-27T00:00:00Z", "2026-10-23T00:00:00Z", "2026-04-03T00:00:00Z")) {
                    Instant at = Instant.parse(start).plusSeconds(random.nextInt(3600));
                    for (int i = 0; i < 7 * 24 * 6; i++) {
                        ZonedDateTime local = at.atZone(zone);
                        int minute =
                                (local.getDayOfWeek().getValue() - 1) * 1440 + local.getHour() * 60 + local.getMinute();
                        assertThat(plan.rateAt(at, zone))
                                .as(text + " at " + local)
                                .isEqualTo(table[minute]);
                        at = at.plus(Duration.ofMinutes(10));
                    }
                }
            });
        }
    }

    /** A plan in words; {@code table} gets its bytes a second for each minute of the week, later rules first. */
    private static String plan(Random random, long[] table) {
        int rules = random.nextInt(5);
        List<String> parts = new ArrayList<>();
        List<boolean[]> where = new ArrayList<>();
        List<Long> rates = new ArrayList<>();
        for (int i = 0; i < rules; i++) {
            int first = random.nextInt(7);
            int count = 1 + random.nextInt(7);
            int from = random.nextInt(1440);
            int length = 1 + random.nextInt(1439);
            boolean[] fits = new boolean[WEEK_MINUTES];
            for (int day = 0; day < count; day++) {
                for (int minute = 0; minute < length; minute++) {
                    fits[((first + day) % 7 * 1440 + from + minute) % WEEK_MINUTES] = true;
                }
            }
            int to = (from + length) % 1440;
            String hours = String.format("%02d:%02d-%02d:%02d", from / 60, from % 60, to == 0 ? 24 : to / 60, to % 60);
            long megabits = random.nextInt(1000);
            parts.add(DAYS[first] + "-" + DAYS[(first + count - 1) % 7] + " " + hours + " "
                    + (megabits == 0 ? "off" : megabits + "M"));
            where.add(fits);
            rates.add(megabits * 125_000);
        }
        long other = random.nextBoolean() ? BandwidthPlan.UNLIMITED : 1_000;
        if (other != BandwidthPlan.UNLIMITED || rules == 0) {
            parts.add("else " + (other == BandwidthPlan.UNLIMITED ? "unlimited" : "8k"));
        }
        java.util.Arrays.fill(table, other);
        for (int i = rules - 1; i >= 0; i--) {
            for (int minute = 0; minute < WEEK_MINUTES; minute++) {
                if (where.get(i)[minute]) {
                    table[minute] = rates.get(i);
                }
            }
        }
        return String.join(", ", parts);
    }
}
