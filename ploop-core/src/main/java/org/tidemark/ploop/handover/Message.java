package org.tidemark.ploop.handover;

/** What one side says to the other. */
public record Message(Kind kind, Attempt attempt) {
    /** What it means. */
    public enum Kind {
        /** From the source: get ready. */
        PREPARE,
        /** From the destination: everything is there but the last part. */
        READY,
        /** From the source: it is yours. */
        COMMIT,
        /** From the destination: it is ours, durably. */
        TAKEN,
        /** From the destination: this attempt will never be ours. */
        REFUSED
    }
}
