package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class EveryScheduleTest {
    @Test
    void slotsStandStillWhateverRanWhen() {
        EverySchedule five = EverySchedule.of(Duration.ofMinutes(5));
        assertThat(five.next(Instant.parse("2026-11-22T12:00:00Z"))).isEqualTo("2026-11-22T12:05:00Z");
        assertThat(five.next(Instant.parse("2026-11-22T12:04:59.999999999Z"))).isEqualTo("2026-11-22T12:05:00Z");
        assertThat(five.latest(Instant.parse("2026-11-22T12:05:00Z"))).isEqualTo("2026-11-22T12:05:00Z");
        assertThat(five.latest(Instant.parse("2026-11-22T12:04:59.5Z"))).isEqualTo("2026-11-22T12:00:00Z");
        assertThat(five.gap(Instant.parse("2026-11-22T12:03:00Z"))).isEqualTo(Duration.ofMinutes(5));
    }

    @Test
    void alsoBeforeTheAnchor() {
        EverySchedule hourly = new EverySchedule(Duration.ofHours(1), Instant.parse("2026-11-22T12:10:00.25Z"));
        assertThat(hourly.latest(Instant.parse("2026-11-22T11:10:00.2Z"))).isEqualTo("2026-11-22T10:10:00.250Z");
        assertThat(hourly.next(Instant.parse("2026-11-22T11:10:00.2Z"))).isEqualTo("2026-11-22T11:10:00.250Z");
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT-5M", "PT0.5S", "PT1.5S", "P4000D"})
    void oddPeriodsAreRefused(String period) {
        assertThatThrownBy(() -> EverySchedule.of(Duration.parse(period)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a period is");
    }
}
