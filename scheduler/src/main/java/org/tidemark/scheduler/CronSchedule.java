package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.Objects;

/**
 * A crontab expression in a time zone. Slots are found by walking the stretches of constant offset between two time
 * changes of the zone:
 *
 * <ul>
 *   <li>clock put forward: if any time in the gap matches, the first moment after the gap is a slot (once);
 *   <li>clock put back: the repeated times match a second time only if the expression names every hour.
 * </ul>
 */
public final class CronSchedule implements Schedule {
    private static final Duration FIRST_STEP = Duration.ofHours(1);

    private final CronExpression expression;
    private final ZoneId zone;
    private final ZoneRules rules;

    private CronSchedule(CronExpression expression, ZoneId zone) {
        this.expression = expression;
        this.zone = zone;
        this.rules = zone.getRules();
    }

    /**
     * Reads five fields or a macro; {@link IllegalArgumentException} says what is wrong with it. An expression that
     * never comes (30 February) is wrong too.
     */
    public static CronSchedule of(String expression, ZoneId zone) {
        return new CronSchedule(CronExpression.parse(expression), zone);
    }

    /** What was parsed. */
    public CronExpression expression() {
        return expression;
    }

    /** Where its wall clock hangs. */
    public ZoneId zone() {
        return zone;
    }

    @Override
    public Instant next(Instant moment) {
        ZoneOffset offset = rules.getOffset(moment);
        LocalDateTime match = expression.nextOrSame(firstMinute(moment, offset));
        ZoneOffsetTransition change = rules.nextTransition(moment);
        while (change != null && !match.isBefore(change.getDateTimeBefore())) {
            if (change.isGap() && !match.isAfter(change.getDateTimeAfter())) {
                return change.getInstant();
            }
            offset = change.getOffsetAfter();
            if (change.isOverlap() && expression.everyHour()) {
                match = expression.nextOrSame(ceiling(change.getDateTimeAfter()));
            }
            change = rules.nextTransition(change.getInstant());
        }
        return match.toInstant(offset);
    }

    /** The first whole minute after the moment that may count on its wall clock. */
    private LocalDateTime firstMinute(Instant moment, ZoneOffset offset) {
        LocalDateTime from = LocalDateTime.ofInstant(moment, offset)
                .truncatedTo(ChronoUnit.MINUTES)
                .plusMinutes(1);
        ZoneOffsetTransition before = rules.previousTransition(moment.plusNanos(1));
        if (before == null || before.isGap() || expression.everyHour()) {
            return from;
        }
        LocalDateTime repeatedUntil = ceiling(before.getDateTimeBefore());
        return from.isBefore(repeatedUntil) ? repeatedUntil : from;
    }

    @Override
    public Instant latest(Instant moment) {
        // next() never falls when its argument grows, so the last slot lies where it passes the moment.
        Duration step = FIRST_STEP;
        Instant low = moment.minus(step);
        while (next(low).isAfter(moment)) {
            step = step.multipliedBy(2);
            low = moment.minus(step);
        }
        Instant slot = next(low);
        Instant high = moment;
        while (Duration.between(slot, high).compareTo(Duration.ofSeconds(1)) > 0) {
            Instant middle = slot.plus(Duration.between(slot, high).dividedBy(2));
            Instant candidate = next(middle);
            if (candidate.isAfter(moment)) {
                high = middle;
            } else {
                slot = candidate;
            }
        }
        Instant last = next(slot);
        return last.isAfter(moment) ? slot : last;
    }

    /** Historic time changes have seconds; slots stand on whole minutes. */
    private static LocalDateTime ceiling(LocalDateTime time) {
        LocalDateTime down = time.truncatedTo(ChronoUnit.MINUTES);
        return down.equals(time) ? time : down.plusMinutes(1);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CronSchedule that
                && expression.text().equals(that.expression.text())
                && zone.equals(that.zone);
    }

    @Override
    public int hashCode() {
        return Objects.hash(expression.text(), zone);
    }

    @Override
    public String toString() {
        return expression.text() + " " + zone;
    }
}
