package org.tidemark.ploop.io;

/**
 * What an open backing file can do.
 *
 * @param alignmentBytes positions, lengths and memory offsets that are multiples of this take the fast path; a power of
 *     two, at most {@link AlignedBuffer#ALIGNMENT_BYTES}
 * @param punchesHoles whether {@link ImageIo#punchHole} gives space back (it reads as zeros in any case)
 * @param direct whether the page cache of this host is bypassed
 */
public record IoCapabilities(int alignmentBytes, boolean punchesHoles, boolean direct) {}
