package org.tidemark.appliance.cli;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Times as people write them: ISO-8601, or "10 minutes ago". */
final class Times {
    private static final Pattern AGO = Pattern.compile("(\\d{1,6}) (second|minute|hour|day)s? ago");
    private static final Map<String, ChronoUnit> UNITS = Map.of(
            "second", ChronoUnit.SECONDS,
            "minute", ChronoUnit.MINUTES,
            "hour", ChronoUnit.HOURS,
            "day", ChronoUnit.DAYS);

    private Times() {}

    /** A selector of points: "... ago" becomes a time, everything else stays. */
    static String selector(String words) {
        Matcher ago = AGO.matcher(words.strip().toLowerCase(Locale.ROOT));
        if (!ago.matches()) {
            return words;
        }
        ChronoUnit unit = UNITS.getOrDefault(ago.group(2), ChronoUnit.SECONDS);
        return Instant.now().minus(Long.parseLong(ago.group(1)), unit).toString();
    }

    private static final Pattern LONG = Pattern.compile("(\\d{1,9}) ?(s|m|h|d|w)");
    private static final Map<String, Long> LENGTHS =
            Map.of("s", 1L, "m", 60L, "h", 3_600L, "d", 86_400L, "w", 604_800L);

    /** A length of time such as 90s, 5m, 12h, 30d or 4w. */
    static final class Length implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            Matcher length = LONG.matcher(text.strip().toLowerCase(Locale.ROOT));
            if (!length.matches()) {
                throw new TypeConversionException(
                        "'" + text + "' is no length of time; write for instance 90s, 5m, 12h, 30d or 4w");
            }
            return Long.parseLong(length.group(1)) * LENGTHS.getOrDefault(length.group(2), 1L);
        }
    }

    /** A length of time as people read it. */
    static String length(long seconds) {
        for (String unit : List.of("w", "d", "h", "m")) {
            long one = LENGTHS.getOrDefault(unit, 1L);
            if (seconds >= one && seconds % one == 0) {
                return seconds / one + unit;
            }
        }
        return seconds + "s";
    }

    /** How long something took. */
    static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.2f", seconds);
    }

    /** A time of the appliance without its fractions of a second; a dash for none. */
    static String brief(String instant) {
        int dot = instant.indexOf('.');
        return instant.isEmpty() ? "-" : dot < 0 ? instant : instant.substring(0, dot) + "Z";
    }
}
