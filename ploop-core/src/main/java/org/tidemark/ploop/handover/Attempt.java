package org.tidemark.ploop.handover;

/**
 * One attempt to hand an image over.
 *
 * @param epoch how often the image has changed hands when this one succeeds
 * @param number higher than that of every earlier attempt
 */
public record Attempt(long epoch, long number) implements Comparable<Attempt> {
    static final Attempt NONE = new Attempt(0, 0);

    @Override
    public int compareTo(Attempt other) {
        int byEpoch = Long.compare(epoch, other.epoch);
        return byEpoch != 0 ? byEpoch : Long.compare(number, other.number);
    }

    boolean isAfter(Attempt other) {
        return compareTo(other) > 0;
    }
}
