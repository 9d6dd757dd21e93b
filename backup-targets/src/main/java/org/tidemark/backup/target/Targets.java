package org.tidemark.backup.target;

import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/** Puts the decorators around a bare target, in the one right order: retries outside, so that each attempt is counted. */
public final class Targets {
    private Targets() {}

    /**
     * {@code bare} as a job uses it: what may pass is tried again, and every request, also a repeated one, is told to
     * {@code counter}. Close the bare target, not this.
     *
     * @param random must be safe for many threads
     * @param cancelled whether the job was told to end
     */
    public static BackupTarget decorate(
            BackupTarget bare,
            RetryPolicy policy,
            RequestCounter counter,
            RandomGenerator random,
            BooleanSupplier cancelled) {
        return new RetryingTarget(new MeteredTarget(bare, counter), policy, Pauses.REAL, random, cancelled);
    }
}
