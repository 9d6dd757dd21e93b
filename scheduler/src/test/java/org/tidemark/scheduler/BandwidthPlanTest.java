package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;

final class BandwidthPlanTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    /** 2026-03-02 is a Monday. */
    private static long rate(String plan, int day, int hour, int minute) {
        Instant at =
                LocalDateTime.of(2026, 3, 1 + day, hour, minute).atZone(BERLIN).toInstant();
        return BandwidthPlan.parse(plan).rateAt(at, BERLIN);
    }

    @Test
    void theFirstRuleThatFitsCounts() {
        String plan = "mon-fri 08:00-18:00 2M, sat-sun 10M, else unlimited";
        assertThat(rate(plan, 1, 7, 59)).isEqualTo(BandwidthPlan.UNLIMITED);
        assertThat(rate(plan, 1, 8, 0)).isEqualTo(250_000);
        assertThat(rate(plan, 5, 17, 59)).isEqualTo(250_000);
        assertThat(rate(plan, 5, 18, 0)).isEqualTo(BandwidthPlan.UNLIMITED);
        assertThat(rate(plan, 6, 12, 0)).isEqualTo(1_250_000);
        assertThat(rate(plan, 7, 23, 59)).isEqualTo(1_250_000);
    }

    @Test
    void hoursMayGoOverMidnightAndDaysOverTheWeek() {
        String plan = "fri-mon 22:00-06:00 off, else 8k";
        assertThat(rate(plan, 5, 21, 59)).isEqualTo(1_000);
        assertThat(rate(plan, 5, 22, 0)).isZero();
        assertThat(rate(plan, 6, 5, 59)).isZero();
        assertThat(rate(plan, 6, 6, 0)).isEqualTo(1_000);
        assertThat(rate(plan, 1, 23, 0)).isZero();
        assertThat(rate(plan, 2, 5, 0)).isZero();
        assertThat(rate(plan, 2, 22, 30)).isEqualTo(1_000);
        assertThat(rate(plan, 5, 1, 0)).isEqualTo(1_000);
    }

    @Test
    void itHasOneSpelling() {
        assertThat(BandwidthPlan.parse(" MON-fri  08:00-18:00  2000k,sat+sun 10m ")
                        .toString())
                .isEqualTo("mon-fri 08:00-18:00 2M, sat-sun 10M, else unlimited");
        assertThat(BandwidthPlan.parse("unlimited"))
                .isEqualTo(BandwidthPlan.FREE)
                .hasToString("unlimited");
        assertThat(BandwidthPlan.parse("else 5M")).hasToString("5M");
        assertThat(BandwidthPlan.parse("08:00-18:00 1G, else off")).hasToString("08:00-18:00 1G, else off");
        assertThat(BandwidthPlan.parse("mon-sun 00:00-24:00 64")).hasToString("mon-sun 64, else unlimited");
        assertThat(BandwidthPlan.parse("sat-mon+wed 1500k")).hasToString("mon+wed+sat-sun 1500k, else unlimited");
    }

    @Test
    void whatIsWrongIsNamed() {
        refused("", "''");
        refused("fast", "'fast'");
        refused("mon-fry 2M", "'mon-fry'", "'fry'");
        refused("mon 8:00-18:00 2M", "'8:00'");
        refused("mon 08:00-18:60 2M", "'18:60'");
        refused("mon 08:00-25:00 2M", "'25:00'");
        refused("mon 08:00-24:30 2M", "'24:30'");
        refused("08:00-08:00 2M", "'08:00-08:00'");
        refused("08:00 2M", "'08:00'");
        refused("mon 2M 08:00-18:00", "'2M'");
        refused("mon tue 2M", "'tue'");
        refused("mon 2T", "'2T'");
        refused("mon 0", "'0'");
        refused("mon 7", "'7'");
        refused("mon 1001G", "'1001G'");
        refused("mon -2M", "'-2M'");
        refused("mon 2M,", "''");
        refused("else 2M, mon 3M", "'else'");
        refused("mon 2M, else", "'else'");
        refused("mon 2M, else 3M 4M", "'else 3M 4M'");
    }

    private static void refused(String plan, String... words) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BandwidthPlan.parse(plan))
                .satisfies(
                        e -> assertThat(e.getMessage()).as(plan).contains(words).startsWith("bandwidth: "));
    }
}
