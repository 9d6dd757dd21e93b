package org.tidemark.ploop.check;

import org.tidemark.ploop.io.ImageException;

/** A set of cluster numbers below a bound: one bit each. */
final class ClusterSet {
    /** 256 MiB of bits: a file of 2 PiB at 1 MiB a cluster. */
    static final long MAX_CLUSTERS = 1L << 31;

    private final long[] words;
    private long size;

    ClusterSet(String file, long clusters) throws ImageException {
        if (clusters > MAX_CLUSTERS) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    file + ": " + clusters + " clusters are more than the " + MAX_CLUSTERS + " that can be checked");
        }
        words = new long[(int) ((clusters + 63) / 64)];
    }

    /** Returns false when it was there already. */
    boolean add(long cluster) {
        int word = (int) (cluster >>> 6);
        long bit = 1L << cluster;
        if ((words[word] & bit) != 0) {
            return false;
        }
        words[word] |= bit;
        size++;
        return true;
    }

    boolean contains(long cluster) {
        return (words[(int) (cluster >>> 6)] & (1L << cluster)) != 0;
    }

    long size() {
        return size;
    }
}
