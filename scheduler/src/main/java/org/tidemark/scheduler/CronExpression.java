package org.tidemark.scheduler;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.YearMonth;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The five fields of a crontab line: minute, hour, day of month, month, day of week, on a wall clock without time
 * changes. As in crontab(5): lists, ranges, steps, English names of months and days, 0 and 7 are Sunday; when both day
 * fields are restricted (neither begins with {@code *}) a day matches by either. In addition {@code L} is the last day
 * of the month, and {@code a/n} means from a to the end in steps of n.
 */
public final class CronExpression {
    /** The calendar repeats after 400 years, to the day of the week: what does not come in them never comes. */
    private static final int CYCLE_YEARS = 400;

    private static final Map<String, String> MACROS = Map.of(
            "@hourly", "0 * * * *",
            "@daily", "0 0 * * *",
            "@midnight", "0 0 * * *",
            "@weekly", "0 0 * * 0",
            "@monthly", "0 0 1 * *",
            "@yearly", "0 0 1 1 *",
            "@annually", "0 0 1 1 *");
    private static final List<String> MONTHS =
            List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");
    static final List<String> DAYS = List.of("sun", "mon", "tue", "wed", "thu", "fri", "sat");

    private final String text;
    private final CronField minutes;
    private final CronField hours;
    private final CronField days;
    private final boolean lastDay;
    private final CronField months;
    private final CronField weekdays;

    private CronExpression(String text, String[] fields) {
        this.text = text;
        minutes = CronField.parse("minute", fields[0], 0, 59, List.of());
        hours = CronField.parse("hour", fields[1], 0, 23, List.of());
        lastDay = fields[2].equalsIgnoreCase("L");
        days = lastDay ? CronField.NONE : CronField.parse("day of month", fields[2], 1, 31, List.of());
        months = CronField.parse("month", fields[3], 1, 12, MONTHS);
        weekdays = CronField.parse("day of week", fields[4], 0, 7, DAYS).sundayTwice();
    }

    /** Reads an expression, or says what is wrong with it. */
    static CronExpression parse(String text) {
        String trimmed = text.strip();
        String line = trimmed.startsWith("@") ? MACROS.get(trimmed.toLowerCase(Locale.ROOT)) : trimmed;
        if (line == null) {
            throw new IllegalArgumentException("cron: unknown macro " + trimmed
                    + "; use @hourly, @daily, @weekly, @monthly, @yearly or five fields");
        }
        String[] fields = line.split("\\s+", -1);
        if (fields.length != 5) {
            throw new IllegalArgumentException("cron: '" + trimmed + "' has " + fields.length
                    + " fields; five are needed: minute hour day-of-month month day-of-week");
        }
        CronExpression expression = new CronExpression(String.join(" ", fields), fields);
        if (expression.firstDay(LocalDate.of(2000, 1, 1)) == null) {
            throw new IllegalArgumentException("cron: '" + trimmed + "' never comes: no such day in any year");
        }
        return expression;
    }

    /** The five fields, macros resolved. */
    public String text() {
        return text;
    }

    /** The five fields, one by one. */
    List<String> fields() {
        return List.of(text.split(" ", -1));
    }

    /** Whether it names every hour of the day: then it counts in real time where the clock is put back. */
    boolean everyHour() {
        return hours.size() == 24;
    }

    /** The first match at or after a whole minute. */
    LocalDateTime nextOrSame(LocalDateTime from) {
        LocalDate day = from.toLocalDate();
        if (matches(day)) {
            LocalTime time = firstTime(from.toLocalTime());
            if (time != null) {
                return day.atTime(time);
            }
        }
        LocalDate next = firstDay(day.plusDays(1));
        if (next == null) {
            throw new IllegalStateException(text + " was parsed, so it comes");
        }
        return next.atTime(LocalTime.of(hours.first(0), minutes.first(0)));
    }

    private @Nullable LocalTime firstTime(LocalTime from) {
        int hour = hours.first(from.getHour());
        if (hour == from.getHour()) {
            int minute = minutes.first(from.getMinute());
            if (minute >= 0) {
                return LocalTime.of(hour, minute);
            }
            hour = hours.first(hour + 1);
        }
        return hour < 0 ? null : LocalTime.of(hour, minutes.first(0));
    }

    private @Nullable LocalDate firstDay(LocalDate from) {
        LocalDate end = from.plusYears(CYCLE_YEARS).plusMonths(1);
        LocalDate day = from;
        while (day.isBefore(end)) {
            if (!months.has(day.getMonthValue())) {
                day = day.withDayOfMonth(1).plusMonths(1);
            } else if (matches(day)) {
                return day;
            } else {
                day = day.plusDays(1);
            }
        }
        return null;
    }

    private boolean matches(LocalDate day) {
        if (!months.has(day.getMonthValue())) {
            return false;
        }
        boolean byDate =
                lastDay ? day.getDayOfMonth() == YearMonth.from(day).lengthOfMonth() : days.has(day.getDayOfMonth());
        boolean byWeekday = weekdays.has(day.getDayOfWeek().getValue() % 7);
        return (days.star() || weekdays.star()) ? byDate && byWeekday : byDate || byWeekday;
    }
}
