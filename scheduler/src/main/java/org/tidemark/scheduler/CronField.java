package org.tidemark.scheduler;

import java.util.List;
import java.util.Locale;

/** One field of a crontab line: a set of numbers below 64, and whether it was written with a star in front. */
record CronField(long bits, boolean star) {
    static final CronField NONE = new CronField(0, false);

    static CronField parse(String field, String text, int low, int high, List<String> names) {
        long bits = 0;
        for (String item : text.split(",", -1)) {
            bits |= item(field, item, low, high, names);
        }
        return new CronField(bits, text.startsWith("*"));
    }

    private static long item(String field, String item, int low, int high, List<String> names) {
        int slash = item.indexOf('/');
        String range = slash < 0 ? item : item.substring(0, slash);
        int step = slash < 0 ? 1 : number(field, item, item.substring(slash + 1));
        int dash = range.indexOf('-');
        int first;
        int last;
        if (range.equals("*")) {
            first = low;
            last = high == 7 ? 6 : high;
        } else if (dash < 0) {
            first = value(field, range, low, high, names);
            last = slash < 0 ? first : high == 7 ? 6 : high;
        } else {
            first = value(field, range.substring(0, dash), low, high, names);
            last = value(field, range.substring(dash + 1), low, high, names);
            // A week may end on Sunday: fri-sun.
            last = high == 7 && last == 0 && first > 0 ? 7 : last;
        }
        if (first > last || step < 1 || step > high) {
            throw wrong(field, item, "the range or its step is empty or too big");
        }
        long bits = 0;
        for (int number = first; number <= last; number += step) {
            bits |= 1L << number;
        }
        return bits;
    }

    private static int value(String field, String text, int low, int high, List<String> names) {
        int name = names.indexOf(text.toLowerCase(Locale.ROOT));
        if (name >= 0) {
            return name + low;
        }
        int number = number(field, text, text);
        if (number < low || number > high) {
            throw wrong(field, text, "use " + low + " to " + high);
        }
        return number;
    }

    private static int number(String field, String item, String text) {
        if (text.isEmpty() || text.length() > 2 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw wrong(field, item, "'" + text + "' is not a number");
        }
        return Integer.parseInt(text);
    }

    private static IllegalArgumentException wrong(String field, String item, String why) {
        return new IllegalArgumentException("cron: " + field + " '" + item + "': " + why);
    }

    /** 7 is Sunday, as 0 is. */
    CronField sundayTwice() {
        return new CronField((bits & 0x7f) | (bits >>> 7 & 1), star);
    }

    boolean has(int number) {
        return (bits >>> number & 1) != 0;
    }

    /** The first number at or after {@code from}, or -1. */
    int first(int from) {
        long rest = from > 63 ? 0 : bits >>> from << from;
        return rest == 0 ? -1 : Long.numberOfTrailingZeros(rest);
    }

    int size() {
        return Long.bitCount(bits);
    }
}
