package org.tidemark.backup.target.memory;

/** What a {@link MemoryTarget} does wrong in one call. */
public enum MemoryFault {
    /** Nothing. */
    NONE,
    /** Fails before anything happened: RETRYABLE. */
    FAIL,
    /** There is no room: FULL. */
    FULL,
    /** The network is gone: UNREACHABLE. */
    UNREACHABLE,
    /** A put happens, but its answer is lost: RETRYABLE. */
    LOSE_ANSWER,
    /** A put is delivered twice; the caller sees the answer of the second: CONFLICT. */
    DUPLICATE,
    /** A put is acknowledged and forgotten. No target may do this; it is for tests of tests. */
    LOSE,
    /** A put is seen by get, but by listings only from the next put on. */
    DELAY,
    /** A get delivers fewer bytes than asked for: CORRUPT. A put stores only the first half, and says nothing. */
    TRUNCATE;

    /** Which verb is called. */
    public enum Verb {
        PUT,
        GET,
        STAT,
        LIST
    }

    /** Decides the fault of each call; calls are counted from 1 over all verbs. */
    @FunctionalInterface
    public interface Plan {
        MemoryFault next(Verb verb, String key, long call);
    }
}
