package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which points to keep: the union of what each rule keeps, 0 and null being rules that are not set.
 *
 * <ul>
 *   <li>{@code last} keeps the newest n points.
 *   <li>{@code hourly} to {@code yearly} keep the newest point of each of the newest n periods that have a point; a
 *       period without one does not count. Periods are of the zone's wall clock; weeks are ISO weeks; an hour that
 *       comes twice when the clock is put back is two hours.
 *   <li>{@code within} keeps every point at most that much older than now.
 *   <li>Whatever the rules say, these are kept: the newest point, protected points, points of the future (the clock was
 *       wrong then or is now). Points of the future count for no rule, or they would push out real ones; protected
 *       points count like others.
 *   <li>A policy in which nothing is set keeps everything.
 * </ul>
 */
public record RetentionPolicy(
        int last,
        int hourly,
        int daily,
        int weekly,
        int monthly,
        int yearly,
        @Nullable Duration within) {
    /** Nothing set: keeps everything. */
    public static final RetentionPolicy KEEP_ALL = new RetentionPolicy(0, 0, 0, 0, 0, 0, null);

    private static final Comparator<RetentionPoint> NEWEST_FIRST = Comparator.comparing(RetentionPoint::instant)
            .thenComparing(RetentionPoint::id)
            .reversed();

    public RetentionPolicy {
        if (last < 0 || hourly < 0 || daily < 0 || weekly < 0 || monthly < 0 || yearly < 0) {
            throw new IllegalArgumentException("a retention rule keeps 0 (not set) or more points, never less");
        }
        if (within != null && (within.isNegative() || within.isZero())) {
            throw new IllegalArgumentException("retention 'within' is longer than nothing: " + within);
        }
    }

    /** Whether no rule is set. */
    public boolean keepsAll() {
        return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0 && within == null;
    }

    /** One decision for each point, newest first. */
    public List<Decision> select(List<RetentionPoint> points, Instant now, ZoneId zone) {
        List<Pending> all = points.stream()
                .sorted(NEWEST_FIRST)
                .map(point -> new Pending(point, point.instant().atZone(zone)))
                .toList();
        List<Pending> past =
                all.stream().filter(one -> !one.point.instant().isAfter(now)).toList();
        all.stream().filter(one -> one.point.instant().isAfter(now)).forEach(one -> one.reasons.add("from the future"));
        if (!past.isEmpty()) {
            past.get(0).reasons.add("newest");
        }
        for (int i = 0; i < past.size() && i < last; i++) {
            past.get(i).reasons.add("last " + (i + 1) + " of " + last);
        }
        periods(past, hourly, "hourly", RetentionPolicy::hour, RetentionPolicy::hourWords);
        periods(past, daily, "daily", time -> time.toLocalDate().toString());
        periods(past, weekly, "weekly", RetentionPolicy::week);
        periods(past, monthly, "monthly", DateTimeFormatter.ofPattern("uuuu-MM", Locale.ROOT)::format);
        periods(past, yearly, "yearly", time -> Integer.toString(time.getYear()));
        for (Pending one : past) {
            if (within != null && !one.point.instant().plus(within).isBefore(now)) {
                one.reasons.add("within " + Words.duration(within));
            }
        }
        return all.stream().map(one -> one.decide(keepsAll())).toList();
    }

    private static void periods(List<Pending> past, int count, String rule, Function<ZonedDateTime, String> period) {
        periods(past, count, rule, period, period);
    }

    private static void periods(
            List<Pending> past,
            int count,
            String rule,
            Function<ZonedDateTime, String> period,
            Function<ZonedDateTime, String> words) {
        // A set, not only the last one: where the clock is put back over midnight a date comes a second time.
        Set<String> seen = new HashSet<>();
        for (Pending one : past) {
            if (seen.size() == count) {
                return;
            }
            if (seen.add(period.apply(one.time))) {
                one.reasons.add(rule + " " + words.apply(one.time));
            }
        }
    }

    private static String hour(ZonedDateTime time) {
        return hourWords(time) + time.getOffset();
    }

    private static String hourWords(ZonedDateTime time) {
        return DateTimeFormatter.ofPattern("uuuu-MM-dd HH:00", Locale.ROOT).format(time);
    }

    private static String week(ZonedDateTime time) {
        return String.format(
                Locale.ROOT,
                "%d-W%02d",
                time.get(IsoFields.WEEK_BASED_YEAR),
                time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
    }

    /**
     * What happens to one point.
     *
     * @param reasons why it is kept, for people; why not, when it is not
     */
    public record Decision(RetentionPoint point, boolean keep, List<String> reasons) {
        public Decision {
            reasons = List.copyOf(reasons);
        }
    }

    private static final class Pending {
        final RetentionPoint point;
        final ZonedDateTime time;
        final List<String> reasons = new ArrayList<>();

        Pending(RetentionPoint point, ZonedDateTime time) {
            this.point = point;
            this.time = time;
        }

        Decision decide(boolean keepAll) {
            if (point.isProtected()) {
                reasons.add("protected");
            }
            if (keepAll) {
                reasons.add("no retention is set");
            }
            return reasons.isEmpty()
                    ? new Decision(point, false, List.of("no rule keeps it"))
                    : new Decision(point, true, reasons);
        }
    }
}
