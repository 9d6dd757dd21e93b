package org.tidemark.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;

/** Walks every minute of real time and asks of each whether crontab(5) and the rule for time changes want a run. */
final class CronOracle {
    private final String[] fields;
    private final ZoneId zone;

    CronOracle(String expression, ZoneId zone) {
        fields = expression.split(" ", -1);
        this.zone = zone;
    }

    List<Instant> slots(Instant after, Instant until) {
        List<Instant> slots = new ArrayList<>();
        for (Instant t = minute(after).plusSeconds(60); !t.isAfter(until); t = t.plusSeconds(60)) {
            if (isSlot(t)) {
                slots.add(t);
            }
        }
        return slots;
    }

    private static Instant minute(Instant t) {
        return Instant.ofEpochSecond(Math.floorDiv(t.getEpochSecond(), 60L) * 60);
    }

    private boolean isSlot(Instant t) {
        ZonedDateTime here = t.atZone(zone);
        LocalDateTime local = here.toLocalDateTime();
        LocalDateTime minuteBefore = t.minusSeconds(60).atZone(zone).toLocalDateTime();
        for (LocalDateTime missing = minuteBefore.plusMinutes(1);
                missing.isBefore(local);
                missing = missing.plusMinutes(1)) {
            if (matches(missing)) {
                return true;
            }
        }
        boolean secondTime = !here.withEarlierOffsetAtOverlap().toInstant().equals(t);
        return matches(local) && (!secondTime || allHours());
    }

    private boolean allHours() {
        for (int hour = 0; hour < 24; hour++) {
            if (!in(fields[1], hour, 23)) {
                return false;
            }
        }
        return true;
    }

    boolean matches(LocalDateTime t) {
        int weekday = t.getDayOfWeek().getValue();
        boolean byDay = fields[2].equals("L")
                ? t.getDayOfMonth() == YearMonth.from(t).lengthOfMonth()
                : in(fields[2], t.getDayOfMonth(), 31, 1);
        boolean byWeekday = in(fields[4], weekday, 6) || weekday == 7 && in(fields[4], 0, 6);
        boolean star = fields[2].startsWith("*") || fields[4].startsWith("*");
        return in(fields[0], t.getMinute(), 59)
                && in(fields[1], t.getHour(), 23)
                && in(fields[3], t.getMonthValue(), 12, 1)
                && (star ? byDay && byWeekday : byDay || byWeekday);
    }

    private static boolean in(String field, int value, int high) {
        return in(field, value, high, 0);
    }

    private static boolean in(String field, int value, int high, int low) {
        for (String item : field.split(",", -1)) {
            String[] parts = item.split("/", -1);
            String[] range = parts[0].equals("*") ? new String[] {"" + low, "" + high} : parts[0].split("-", -1);
            int first = Integer.parseInt(range[0]);
            int last = range.length > 1 ? Integer.parseInt(range[1]) : parts.length > 1 ? high : first;
            int step = parts.length > 1 ? Integer.parseInt(parts[1]) : 1;
            if (value >= first && value <= last && (value - first) % step == 0) {
                return true;
            }
        }
        return false;
    }

    /** What a schedule says of the same stretch. */
    static List<Instant> ask(Rows next, Instant after, Instant until) {
        List<Instant> slots = new ArrayList<>();
        Instant slot = next.next(after);
        while (!slot.isAfter(until)) {
            slots.add(slot);
            if (slots.size() > Duration.between(after, until).toMinutes() + 1) {
                throw new AssertionError("more slots than minutes: it stands still at " + slot);
            }
            slot = next.next(slot);
        }
        return slots;
    }

    /** {@link Schedule#next}, or something that should be found to be wrong. */
    @FunctionalInterface
    interface Rows {
        Instant next(Instant after);
    }
}
