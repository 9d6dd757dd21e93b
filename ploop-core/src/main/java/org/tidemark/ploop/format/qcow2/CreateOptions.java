package org.tidemark.ploop.format.qcow2;

/**
 * How a new image is laid out.
 *
 * @param version 2 or 3
 * @param refcountOrder a count has {@code 1 << refcountOrder} bits; 4 in version 2
 * @param lazyRefcounts whether other programs may write counts lazily
 * @param extendedL2 whether clusters have subclusters
 * @param zstd whether clusters are compressed with Zstandard instead of deflate
 * @param backingFile name of the backing file, relative to the image's folder unless absolute; or ""
 * @param backingFormat its format, for instance {@code raw}; given whenever there is a backing file
 */
public record CreateOptions(
        int version,
        int refcountOrder,
        boolean lazyRefcounts,
        boolean extendedL2,
        boolean zstd,
        String backingFile,
        String backingFormat) {
    /** Version 3, counts of 16 bits, no backing file. */
    public static final CreateOptions USUAL = new CreateOptions(3, 4, false, false, false, "", "");

    public CreateOptions withBacking(String file, String format) {
        return new CreateOptions(version, refcountOrder, lazyRefcounts, extendedL2, zstd, file, format);
    }
}
