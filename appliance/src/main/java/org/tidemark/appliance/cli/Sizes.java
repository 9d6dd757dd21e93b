package org.tidemark.appliance.cli;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Sizes as people write them: K, M, G, T are powers of 1024. */
final class Sizes implements ITypeConverter<Long> {
    private static final String UNITS = "KMGT";

    @Override
    public Long convert(String text) {
        String word = text.strip().toUpperCase(Locale.ROOT);
        int unit = word.isEmpty() ? -1 : UNITS.indexOf(word.charAt(word.length() - 1));
        String digits = unit < 0 ? word : word.substring(0, word.length() - 1);
        try {
            long number = Long.parseLong(digits);
            long bytes = Math.multiplyExact(number, 1L << (10 * (unit + 1)));
            if (bytes <= 0) {
                throw new ArithmeticException();
            }
            return bytes;
        } catch (NumberFormatException | ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is not a size; write for instance 512M, 4G or 1T");
        }
    }

    /** As people read it. */
    static String human(long bytes) {
        double value = bytes;
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
    }
}
