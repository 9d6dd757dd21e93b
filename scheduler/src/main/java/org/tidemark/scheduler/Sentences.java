package org.tidemark.scheduler;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.Month;
import java.time.format.TextStyle;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Schedules, retention and how safe it is in words, for the page and the command line. */
public final class Sentences {
    private Sentences() {}

    /** "every 5 minutes", "every day at 02:00 Europe/Berlin"; what has no plain words is given as cron. */
    public static String schedule(Schedule schedule) {
        if (schedule instanceof EverySchedule every) {
            return Words.every(every.period());
        }
        CronSchedule cron = (CronSchedule) schedule;
        String words = cron(cron.expression().fields());
        String zone = " " + cron.zone().getId();
        return words == null ? "by cron '" + cron.expression().text() + "'" + zone : words + zone;
    }

    /** The schedule with what is done about jitter and missed runs. */
    public static String schedule(Schedule schedule, Jitter jitter, MissedRuns missed) {
        String spread = jitter.most().isZero() ? "" : ", spread over " + Words.duration(jitter.most());
        String late = missed == MissedRuns.RUN_ONCE ? ", and at once after a pause" : ", missed runs are left out";
        return schedule(schedule) + spread + late;
    }

    /** "keeps the last 12, 24 hourly, 7 daily and everything of the last 2 days". */
    public static String retention(RetentionPolicy retention) {
        if (retention.keepsAll()) {
            return "keeps every point";
        }
        List<String> parts = new ArrayList<>();
        if (retention.last() > 0) {
            parts.add("the last " + retention.last());
        }
        count(parts, retention.hourly(), "hourly");
        count(parts, retention.daily(), "daily");
        count(parts, retention.weekly(), "weekly");
        count(parts, retention.monthly(), "monthly");
        count(parts, retention.yearly(), "yearly");
        Duration within = retention.within();
        if (within != null) {
            parts.add("everything of the last " + Words.duration(within));
        }
        return "keeps " + Words.list(parts);
    }

    /** "the newest point is 3 minutes 5 seconds old", and by how much it is late. */
    public static String rpo(RpoMonitor.Status status, Instant now) {
        Duration age = status.age();
        Instant lateSince = status.lateSince();
        String late = lateSince == null ? "" : ", late by " + Words.roughly(Duration.between(lateSince, now));
        if (status.state() == RpoMonitor.State.UNKNOWN) {
            return "the newest point is of the future: the clock is wrong, or was";
        }
        if (age == null) {
            return late.isEmpty() ? "no point yet; the first is not due yet" : "no point yet" + late;
        }
        return "the newest point is " + Words.roughly(age) + " old" + late;
    }

    private static void count(List<String> parts, int count, String rule) {
        if (count > 0) {
            parts.add(count + " " + rule);
        }
    }

    private static @Nullable String cron(List<String> fields) {
        String minute = fields.get(0);
        String hour = fields.get(1);
        String when = days(fields.get(2), fields.get(3), fields.get(4));
        if (when == null) {
            return null;
        }
        if (isNumber(minute) && isNumber(hour)) {
            return when + String.format(Locale.ROOT, " at %02d:%02d", number(hour), number(minute));
        }
        if (!when.equals("every day")) {
            return null;
        }
        if (hour.equals("*")) {
            return minutes(minute);
        }
        int step = step(hour, 24);
        return step > 0 && isNumber(minute) ? "every " + step + " hours at minute " + number(minute) : null;
    }

    private static @Nullable String minutes(String minute) {
        if (minute.equals("*")) {
            return "every minute";
        }
        if (isNumber(minute)) {
            return number(minute) == 0 ? "every full hour" : "every hour at minute " + number(minute);
        }
        int step = step(minute, 60);
        return step > 0 ? "every " + step + " minutes" : null;
    }

    private static @Nullable String days(String day, String month, String weekday) {
        if (month.equals("*") && day.equals("*")) {
            return weekday.equals("*") ? "every day" : weekdays(weekday);
        }
        if (!weekday.equals("*")) {
            return null;
        }
        if (month.equals("*")) {
            return day.equalsIgnoreCase("L")
                    ? "on the last day of every month"
                    : isNumber(day) ? "on day " + number(day) + " of every month" : null;
        }
        return isNumber(day) && isNumber(month)
                ? "every year on " + number(day) + " "
                        + Month.of(number(month)).getDisplayName(TextStyle.FULL, Locale.ENGLISH)
                : null;
    }

    private static @Nullable String weekdays(String weekday) {
        CronField field = CronField.parse("day of week", weekday, 0, 7, CronExpression.DAYS)
                .sundayTwice();
        if (weekday.contains("/") || field.size() == 7) {
            return null;
        }
        List<String> names = IntStream.rangeClosed(1, 7)
                .filter(number -> field.has(number % 7))
                .mapToObj(number -> DayOfWeek.of(number).getDisplayName(TextStyle.FULL, Locale.ENGLISH))
                .toList();
        boolean workdays = field.size() == 5 && !field.has(0) && !field.has(6);
        return "every " + (workdays ? "Monday to Friday" : Words.list(names));
    }

    /** n of a star step that divides the field evenly, so that the steps are equal; else 0. */
    private static int step(String field, int length) {
        if (!field.startsWith("*/")) {
            return 0;
        }
        int step = number(field.substring(2));
        return step > 1 && length % step == 0 ? step : 0;
    }

    private static boolean isNumber(String field) {
        return field.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static int number(String field) {
        return Integer.parseInt(field);
    }
}
