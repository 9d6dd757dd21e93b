package org.tidemark.scheduler;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Numbers and lists as people say them. */
final class Words {
    private static final long[] SECONDS = {86_400, 3_600, 60, 1};
    private static final String[] UNITS = {"day", "hour", "minute", "second"};

    private Words() {}

    /** "2 days", "1 hour 30 minutes"; fractions of a second are left out. */
    static String duration(Duration duration) {
        return units(duration, UNITS.length);
    }

    /** The same to its two largest units: "2 days 3 hours". */
    static String roughly(Duration duration) {
        return units(duration, 2);
    }

    private static String units(Duration duration, int most) {
        long rest = duration.toSeconds();
        if (rest == 0) {
            return "0 seconds";
        }
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < UNITS.length; i++) {
            long count = rest / SECONDS[i];
            rest %= SECONDS[i];
            if (count > 0 && parts.size() < most) {
                parts.add(count + " " + UNITS[i] + (count == 1 ? "" : "s"));
            }
        }
        return String.join(" ", parts);
    }

    /** "every hour", "every 5 minutes", "every 1 hour 30 minutes". */
    static String every(Duration period) {
        for (int i = 0; i < UNITS.length; i++) {
            if (period.toSeconds() == SECONDS[i]) {
                return "every " + UNITS[i];
            }
        }
        return "every " + duration(period);
    }

    /** "a", "a and b", "a, b and c". */
    static String list(List<String> items) {
        int last = items.size() - 1;
        return last < 1
                ? String.join("", items)
                : String.join(", ", items.subList(0, last)) + " and " + items.get(last);
    }
}
