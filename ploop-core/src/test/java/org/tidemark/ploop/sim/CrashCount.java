package org.tidemark.ploop.sim;

import java.util.concurrent.atomic.LongAdder;

/** How many power cuts and kills there were in this JVM, for those who report it. Nothing depends on it. */
public final class CrashCount {
    private static final LongAdder CRASHES = new LongAdder();

    private CrashCount() {}

    public static void one() {
        CRASHES.increment();
    }

    public static long sum() {
        return CRASHES.sum();
    }
}
