package org.tidemark.ploop.format.expanded;

/**
 * How a new expanded image is laid out.
 *
 * @param version which version of the format
 * @param preallocated whether the file gets all its room at once: every cluster of the disk has its place from the
 *     beginning, in order
 */
public record ExpandedLayout(ExpandedVersion version, boolean preallocated) {
    /** Version 2, growing as it is written to. */
    public static final ExpandedLayout USUAL = new ExpandedLayout(ExpandedVersion.V2, false);
}
