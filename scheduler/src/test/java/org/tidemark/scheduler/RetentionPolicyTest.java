package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RetentionPolicyTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final Instant NOW = Instant.parse("2026-11-22T22:00:00Z");

    private static List<RetentionPoint> points(String... instants) {
        return Arrays.stream(instants)
                .map(at -> new RetentionPoint(at, Instant.parse(at), false))
                .toList();
    }

    private static List<List<String>> reasons(RetentionPolicy policy, List<RetentionPoint> points) {
        return policy.select(points, NOW, BERLIN).stream()
                .map(RetentionPolicy.Decision::reasons)
                .toList();
    }

    @Test
    void saysWhy() {
        RetentionPolicy policy = new RetentionPolicy(2, 0, 2, 1, 1, 1, Duration.ofHours(1));
        assertThat(reasons(
                        policy,
                        points(
                                "2026-11-22T21:30:00Z",
                                "2026-11-22T10:00:00Z",
                                "2026-11-21T23:30:00Z",
                                "2026-11-21T10:00:00Z")))
                .containsExactly(
                        List.of(
                                "newest",
                                "last 1 of 2",
                                "daily 2026-11-22",
                                "weekly 2026-W47",
                                "monthly 2026-11",
                                "yearly 2026",
                                "within 1 hour"),
                        List.of("last 2 of 2"),
                        // 00:30 on Sunday in Berlin, so the same day as the two before.
                        List.of("no rule keeps it"),
                        List.of("daily 2026-11-21"));
    }

    @Test
    void theIsoYearOfAWeekIsNotTheYear() {
        Instant now = Instant.parse("2027-01-04T12:00:00Z");
        List<RetentionPoint> points = points("2027-01-04T08:00:00Z", "2027-01-03T08:00:00Z", "2026-12-28T08:00:00Z");
        List<RetentionPolicy.Decision> decisions =
                new RetentionPolicy(0, 0, 0, 2, 0, 0, null).select(points, now, BERLIN);
        assertThat(decisions.get(0).reasons()).contains("weekly 2027-W01");
        assertThat(decisions.get(1).reasons()).containsExactly("weekly 2026-W53");
        assertThat(decisions.get(2).keep()).isFalse();
    }

    @Test
    void theHourThatComesTwiceIsTwoHours() {
        Instant now = Instant.parse("2026-10-25T08:00:00Z");
        List<RetentionPoint> points = points("2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z");
        assertThat(new RetentionPolicy(0, 2, 0, 0, 0, 0, null).select(points, now, BERLIN))
                .allMatch(RetentionPolicy.Decision::keep);
    }

    @Test
    void aPointOfTheFutureStaysAndPushesNothingOut() {
        RetentionPolicy policy = new RetentionPolicy(1, 0, 0, 0, 0, 0, null);
        assertThat(reasons(policy, points("2030-01-01T00:00:00Z", "2026-11-22T10:00:00Z", "2026-11-21T10:00:00Z")))
                .containsExactly(
                        List.of("from the future"), List.of("newest", "last 1 of 1"), List.of("no rule keeps it"));
    }

    @Test
    void protectedAndUnset() {
        RetentionPoint old = new RetentionPoint("old", Instant.parse("2020-01-01T00:00:00Z"), true);
        List<RetentionPoint> points = List.of(old, new RetentionPoint("new", NOW, false));
        assertThat(reasons(new RetentionPolicy(1, 0, 0, 0, 0, 0, null), points).get(1))
                .containsExactly("protected");
        assertThat(RetentionPolicy.KEEP_ALL.select(points, NOW, BERLIN)).allMatch(RetentionPolicy.Decision::keep);
        assertThat(RetentionPolicy.KEEP_ALL.select(List.of(), NOW, BERLIN)).isEmpty();
    }

    @Test
    void negativeRulesAreRefused() {
        assertThatThrownBy(() -> new RetentionPolicy(0, 0, -1, 0, 0, 0, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RetentionPolicy(0, 0, 0, 0, 0, 0, Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
