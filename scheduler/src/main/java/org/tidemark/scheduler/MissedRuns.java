package org.tidemark.scheduler;

/** What happens to slots that passed while nothing could run. */
public enum MissedRuns {
    /** One run at once, however many slots passed. */
    RUN_ONCE,
    /** None; the next slot runs. */
    SKIP
}
