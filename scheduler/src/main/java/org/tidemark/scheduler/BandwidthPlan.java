package org.tidemark.scheduler;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How much of a link may be used, by the hour and the day of the week on a wall clock: {@code mon-fri 08:00-18:00 2M,
 * sat-sun 10M, else unlimited}. Rates are bits a second, with k, M or G for thousands, millions and thousands of
 * millions; {@code off} is none at all. The first rule that fits counts; without {@code else} the rest is unlimited.
 *
 * <p>A rule has days, hours, or both. Days are names and ranges joined by '+' ({@code mon-wed+fri}); a range may go over
 * the end of the week. Hours that end before they begin go on into the next day, which is still the day of the rule.
 * When the clock is set, the wall clock counts as it stands: an hour that comes twice has its rule twice.
 */
public final class BandwidthPlan {
    /** More than any link carries. */
    public static final long UNLIMITED = Long.MAX_VALUE;

    private static final long MOST_BITS = 1_000_000_000_000L;
    private static final int MOST_RULES = 50;
    private static final int DAY_MINUTES = 24 * 60;
    private static final int ALL_DAYS = 0x7f;
    private static final String[] SUFFIXES = {"", "k", "M", "G"};
    private static final List<String> DAYS = List.of("mon", "tue", "wed", "thu", "fri", "sat", "sun");

    /** No limit at any time. */
    public static final BandwidthPlan FREE = new BandwidthPlan(List.of(), UNLIMITED);

    private final List<Rule> rules;
    private final long otherwiseBits;

    /** Days as bits from Monday on; minutes of the day, the end not included. */
    private record Rule(int days, int fromMinute, int toMinute, long bits) {
        boolean fits(int day, int minute) {
            if (fromMinute < toMinute) {
                return on(day) && minute >= fromMinute && minute < toMinute;
            }
            return on(day) && minute >= fromMinute || on((day + 6) % 7) && minute < toMinute;
        }

        private boolean on(int day) {
            return (days >>> day & 1) != 0;
        }
    }

    private BandwidthPlan(List<Rule> rules, long otherwiseBits) {
        this.rules = rules;
        this.otherwiseBits = otherwiseBits;
    }

    /** Reads a plan; {@link IllegalArgumentException} names the word that is wrong, and what may stand there. */
    public static BandwidthPlan parse(String text) {
        List<Rule> rules = new ArrayList<>();
        String[] parts = text.strip().split(",", -1);
        for (int i = 0; i < parts.length; i++) {
            String[] words = parts[i].strip().split("\\s+");
            boolean last = i == parts.length - 1;
            if (words[0].equalsIgnoreCase("else") || words.length == 1 && parts.length == 1) {
                int at = words[0].equalsIgnoreCase("else") ? 1 : 0;
                if (words.length != at + 1) {
                    throw wrong(parts[i].strip(), "one rate follows 'else'");
                }
                if (!last) {
                    throw wrong(words[0], "'else' is the last rule");
                }
                return new BandwidthPlan(List.copyOf(rules), rate(words[at]));
            }
            if (rules.size() == MOST_RULES) {
                throw wrong(parts[i].strip(), "a plan has at most " + MOST_RULES + " rules");
            }
            rules.add(rule(parts[i].strip(), words));
        }
        return new BandwidthPlan(List.copyOf(rules), UNLIMITED);
    }

    private static Rule rule(String part, String[] words) {
        if (words.length < 2 || words.length > 3) {
            throw wrong(part, "a rule is days, hours or both, then a rate: 'mon-fri 08:00-18:00 2M'");
        }
        boolean hours = words[words.length - 2].contains(":");
        if (words.length == 3 && !hours) {
            throw wrong(words[1], "hours are HH:MM-HH:MM");
        }
        int days = words.length == 3 || !hours ? days(words[0]) : ALL_DAYS;
        int from = 0;
        int to = DAY_MINUTES;
        if (hours) {
            String range = words[words.length - 2];
            String[] ends = range.split("-", -1);
            if (ends.length != 2) {
                throw wrong(range, "hours are HH:MM-HH:MM");
            }
            from = minute(ends[0]);
            to = minute(ends[1]);
            if (from == to || from == DAY_MINUTES) {
                throw wrong(range, "it is empty; the whole day is 00:00-24:00");
            }
        }
        return new Rule(days, from, to, rate(words[words.length - 1]));
    }

    private static int days(String text) {
        int days = 0;
        for (String item : text.split("\\+", -1)) {
            int dash = item.indexOf('-');
            int first = day(text, dash < 0 ? item : item.substring(0, dash));
            int last = dash < 0 ? first : day(text, item.substring(dash + 1));
            for (int day = first; ; day = (day + 1) % 7) {
                days |= 1 << day;
                if (day == last) {
                    break;
                }
            }
        }
        return days;
    }

    private static int day(String text, String name) {
        int day = DAYS.indexOf(name.toLowerCase(Locale.ROOT));
        if (day < 0) {
            throw wrong(text, "'" + name + "' is no day; use " + String.join(", ", DAYS));
        }
        return day;
    }

    private static int minute(String text) {
        boolean shaped = text.length() == 5
                && text.charAt(2) == ':'
                && text.chars().filter(c -> c >= '0' && c <= '9').count() == 4;
        int minute = shaped ? Integer.parseInt(text.substring(0, 2)) * 60 + Integer.parseInt(text.substring(3)) : -1;
        if (minute < 0 || minute > DAY_MINUTES || Integer.parseInt(text.substring(3)) > 59) {
            throw wrong(text, "a time is HH:MM, 00:00 to 24:00");
        }
        return minute;
    }

    private static long rate(String text) {
        switch (text.toLowerCase(Locale.ROOT)) {
            case "unlimited":
                return UNLIMITED;
            case "off":
                return 0;
            default:
                break;
        }
        long factor = 1;
        String digits = text;
        for (int i = 1; i < SUFFIXES.length; i++) {
            if (text.toLowerCase(Locale.ROOT).endsWith(SUFFIXES[i].toLowerCase(Locale.ROOT))) {
                factor = (long) Math.pow(1000, i);
                digits = text.substring(0, text.length() - 1);
            }
        }
        boolean number =
                !digits.isEmpty() && digits.length() <= 13 && digits.chars().allMatch(c -> c >= '0' && c <= '9');
        long bits = number ? Long.parseLong(digits) : -1;
        if (bits < 8 / Math.min(factor, 8) || bits > MOST_BITS / factor) {
            throw wrong(text, "a rate is bits a second with k, M or G, at most 1000G ('10M'), or 'unlimited' or 'off'");
        }
        return bits * factor;
    }

    private static IllegalArgumentException wrong(String word, String why) {
        return new IllegalArgumentException("bandwidth: '" + word + "': " + why);
    }

    /** What may be sent at {@code instant}, in bytes a second: 0 for nothing, or {@link #UNLIMITED}. */
    public long rateAt(Instant instant, ZoneId zone) {
        ZonedDateTime local = instant.atZone(zone);
        int day = local.getDayOfWeek().getValue() - 1;
        int minute = local.getHour() * 60 + local.getMinute();
        for (Rule rule : rules) {
            if (rule.fits(day, minute)) {
                return bytes(rule.bits());
            }
        }
        return bytes(otherwiseBits);
    }

    private static long bytes(long bits) {
        return bits == UNLIMITED ? UNLIMITED : bits / 8;
    }

    /** The plan in its one spelling; {@link #parse} reads it back. */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        for (Rule rule : rules) {
            StringBuilder part = new StringBuilder();
            boolean wholeDay = rule.fromMinute() == 0 && rule.toMinute() == DAY_MINUTES;
            if (rule.days() != ALL_DAYS || wholeDay) {
                part.append(days(rule.days())).append(' ');
            }
            if (!wholeDay) {
                part.append(time(rule.fromMinute()))
                        .append('-')
                        .append(time(rule.toMinute()))
                        .append(' ');
            }
            parts.add(part + rate(rule.bits()));
        }
        parts.add((rules.isEmpty() ? "" : "else ") + rate(otherwiseBits));
        return String.join(", ", parts);
    }

    private static String days(int days) {
        List<String> items = new ArrayList<>();
        for (int day = 0; day < 7; day++) {
            int last = day;
            while (last < 6 && (days >>> last & 3) == 3) {
                last++;
            }
            if ((days >>> day & 1) != 0) {
                items.add(last == day ? DAYS.get(day) : DAYS.get(day) + "-" + DAYS.get(last));
                day = last;
            }
        }
        return String.join("+", items);
    }

    private static String time(int minute) {
        return String.format(Locale.ROOT, "%02d:%02d", minute / 60, minute % 60);
    }

    private static String rate(long bits) {
        if (bits == UNLIMITED) {
            return "unlimited";
        }
        if (bits == 0) {
            return "off";
        }
        long number = bits;
        int suffix = 0;
        while (suffix < SUFFIXES.length - 1 && number % 1000 == 0) {
            number /= 1000;
            suffix++;
        }
        return number + SUFFIXES[suffix];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BandwidthPlan plan && plan.rules.equals(rules) && plan.otherwiseBits == otherwiseBits;
    }

    @Override
    public int hashCode() {
        return rules.hashCode() * 31 + Long.hashCode(otherwiseBits);
    }
}
