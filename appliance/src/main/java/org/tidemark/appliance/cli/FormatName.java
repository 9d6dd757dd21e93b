package org.tidemark.appliance.cli;

import java.util.List;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.raw.RawFormat;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The name of an image format that can be written. */
final class FormatName implements ITypeConverter<String> {
    private static final List<String> KNOWN = List.of(ExpandedFormat.ID, Qcow2Format.ID, RawFormat.ID);

    @Override
    public String convert(String text) {
        if (!KNOWN.contains(text)) {
            throw new TypeConversionException("'" + text + "' is no image format; there are expanded, qcow2 and raw");
        }
        return text;
    }
}
