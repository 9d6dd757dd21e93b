package org.tidemark.appliance.cli;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
}
