package org.tidemark.appliance.cli;

import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import picocli.CommandLine.Option;

/** How an expanded image is laid out, as options. */
final class ExpandedOptions {
    @Option(
            names = "--format-version",
            paramLabel = "1|2",
            defaultValue = "2",
            description = "Version of the expanded format (${DEFAULT-VALUE}); 1 ends at 2 TiB.")
    private int version = 2;

    @Option(names = "--preallocated", description = "Give the file all its room at once.")
    private boolean preallocated;

    ExpandedLayout layout(String formatId) {
        ExpandedLayout layout = new ExpandedLayout(ExpandedVersion.ofNumber(version), preallocated);
        if (!formatId.equals(ExpandedFormat.ID) && !layout.equals(ExpandedLayout.USUAL)) {
            throw new IllegalArgumentException("--format-version and --preallocated are for expanded images");
        }
        return layout;
    }
}
