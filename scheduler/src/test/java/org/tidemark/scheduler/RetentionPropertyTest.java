package org.tidemark.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.TemporalAdjusters;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Retention against its rules taken literally, point by point; in zones with awkward clocks, over years. */
final class RetentionPropertyTest {
    private static final List<String> ZONES = List.of(
            "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "America/St_Johns", "UTC");

    /** {@link RetentionPolicy#select}, or something that should be found to be wrong. */
    @FunctionalInterface
    private interface Selection {
        List<RetentionPolicy.Decision> select(
                RetentionPolicy policy, List<RetentionPoint> points, Instant now, ZoneId zone);
    }

    private record Case(RetentionPolicy policy, List<RetentionPoint> points, Instant now, ZoneId zone) {}

    private static Case random(Random random) {
        ZoneId zone = ZoneId.of(ZONES.get(random.nextInt(ZONES.size())));
        long now = Instant.parse("2010-11-07T03:00:00Z").getEpochSecond() + random.nextInt(400 * 86_400);
        long span = List.of(3L, 40L, 800L).get(random.nextInt(3)) * 86_400;
        List<RetentionPoint> points = new ArrayList<>();
        for (int i = random.nextInt(random.nextBoolean() ? 5 : 80); i > 0; i--) {
            long at = now - (long) (random.nextDouble() * span) + (random.nextInt(12) == 0 ? span / 2 : 0);
            points.add(new RetentionPoint("p" + i, Instant.ofEpochSecond(at), random.nextInt(20) == 0));
        }
        if (!points.isEmpty() && random.nextInt(4) == 0) {
            points.add(new RetentionPoint("twin", points.get(0).instant(), false));
        }
        Collections.shuffle(points, random);
        Duration within = random.nextInt(4) == 0 ? Duration.ofSeconds(1 + random.nextInt(20 * 86_400)) : null;
        RetentionPolicy policy = new RetentionPolicy(
                rule(random), rule(random), rule(random), rule(random), rule(random), rule(random), within);
        return new Case(policy, points, Instant.ofEpochSecond(now), zone);
    }

    private static int rule(Random random) {
        return random.nextBoolean() ? 0 : 1 + random.nextInt(9);
    }

    @Test
    void keepsWhatTheRulesSayAndNothingElse() throws Exception {
        for (long seed : Seeds.of(3000).toArray()) {
            Seeds.replayable(RetentionPropertyTest.class, seed, random -> {
                Case one = random(random);
                check(one, RetentionPolicy::select);
                // Deciding again about what is left expires nothing more.
                List<RetentionPoint> left = kept(one.policy.select(one.points, one.now, one.zone));
                assertThat(kept(one.policy.select(left, one.now, one.zone))).hasSameSizeAs(left);
            });
        }
    }

    /** Controls: one rule forgotten, the newest not protected, the oldest point of a period kept. */
    @Test
    void theRulesTakenLiterallyCatchWrongSelections() {
        assertThat(caught((policy, points, now, zone) -> new RetentionPolicy(
                                policy.last(),
                                policy.hourly(),
                                policy.daily(),
                                0,
                                policy.monthly(),
                                policy.yearly(),
                                policy.within())
                        .select(points, now, zone)))
                .isGreaterThan(20);
        assertThat(caught((policy, points, now, zone) -> policy.select(points, now, ZoneId.of("Asia/Tokyo"))))
                .isGreaterThan(20);
        assertThat(caught((policy, points, now, zone) -> policy.select(points, now.minusSeconds(86_400), zone)))
                .isGreaterThan(20);
    }

    private static int caught(Selection selection) {
        int caught = 0;
        for (long seed = 1; seed <= 300; seed++) {
            try {
                check(random(new Random(seed)), selection);
            } catch (AssertionError e) {
                caught++;
            }
        }
        return caught;
    }

    private static List<RetentionPoint> kept(List<RetentionPolicy.Decision> decisions) {
        return decisions.stream()
                .filter(RetentionPolicy.Decision::keep)
                .map(RetentionPolicy.Decision::point)
                .toList();
    }

    private static void check(Case one, Selection selection) {
        List<RetentionPolicy.Decision> decisions = selection.select(one.policy, one.points, one.now, one.zone);
        assertThat(decisions.stream().map(RetentionPolicy.Decision::point))
                .containsExactlyInAnyOrderElementsOf(one.points);
        assertThat(decisions)
                .allSatisfy(decision -> assertThat(decision.reasons()).isNotEmpty());
        Set<String> kept = kept(decisions).stream().map(RetentionPoint::id).collect(Collectors.toSet());
        assertThat(kept).as("%s", one).isEqualTo(literally(one));
    }

    private static Set<String> literally(Case one) {
        Set<String> keep = new HashSet<>();
        List<RetentionPoint> past = new ArrayList<>();
        boolean nothingSet = one.policy.equals(new RetentionPolicy(0, 0, 0, 0, 0, 0, null));
        for (RetentionPoint point : one.points) {
            if (point.instant().isAfter(one.now)) {
                keep.add(point.id());
            } else {
                past.add(point);
            }
            if (point.isProtected() || nothingSet) {
                keep.add(point.id());
            }
        }
        past.sort(Comparator.comparing(RetentionPoint::instant).thenComparing(RetentionPoint::id));
        Collections.reverse(past);
        past.stream().limit(Math.max(1, one.policy.last())).forEach(point -> keep.add(point.id()));
        Duration within = one.policy.within();
        if (within != null) {
            past.stream()
                    .filter(point -> Duration.between(point.instant(), one.now).compareTo(within) <= 0)
                    .forEach(point -> keep.add(point.id()));
        }
        keep.addAll(newestOfEach(
                past,
                one,
                one.policy.hourly(),
                (a, b) -> a.toLocalDate().equals(b.toLocalDate())
                        && a.getHour() == b.getHour()
                        && a.getOffset().equals(b.getOffset())));
        keep.addAll(newestOfEach(
                past, one, one.policy.daily(), (a, b) -> a.toLocalDate().equals(b.toLocalDate())));
        keep.addAll(
                newestOfEach(past, one, one.policy.weekly(), (a, b) -> monday(a).equals(monday(b))));
        keep.addAll(newestOfEach(
                past, one, one.policy.monthly(), (a, b) -> a.getYear() == b.getYear() && a.getMonth() == b.getMonth()));
        keep.addAll(newestOfEach(past, one, one.policy.yearly(), (a, b) -> a.getYear() == b.getYear()));
        return keep;
    }

    private static LocalDate monday(ZonedDateTime time) {
        return time.toLocalDate().with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
    }

    /** Of the points that have no newer one in their own period, the newest {@code count}. */
    private static List<String> newestOfEach(
            List<RetentionPoint> past, Case one, int count, BiPredicate<ZonedDateTime, ZonedDateTime> samePeriod) {
        Map<Integer, String> newest = new TreeMap<>();
        for (int i = 0; i < past.size(); i++) {
            ZonedDateTime time = past.get(i).instant().atZone(one.zone);
            boolean alone = past.subList(0, i).stream()
                    .noneMatch(newer -> samePeriod.test(newer.instant().atZone(one.zone), time));
            if (alone) {
                newest.put(i, past.get(i).id());
            }
        }
        return newest.values().stream().limit(count).toList();
    }
}
