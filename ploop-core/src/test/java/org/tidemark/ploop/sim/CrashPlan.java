package org.tidemark.ploop.sim;

import java.util.Random;

/** Decides what a crash does to pending operations. */
public interface CrashPlan {
    /** What became of one operation. */
    enum Fate {
        /** It reached the medium. */
        APPLY,
        /** It did not. */
        DROP,
        /** A write, punch: each sector of 512 bytes did or did not. Other operations: as APPLY. */
        TEAR,
        /**
         * A write beyond the durable end of the file: the size reached the medium, the data did not, and what is there
         * instead is anything. Otherwise: as DROP.
         */
        GARBAGE
    }

    Fate fate(PendingOperation operation);

    /** For TEAR: whether the next sector reached the medium. */
    boolean sectorSurvives();

    /** For GARBAGE: what is there. */
    void fillGarbage(byte[] sector);

    /** Nothing that was not flushed survives. */
    static CrashPlan dropAll() {
        return of(Fate.DROP, new Random(0));
    }

    /** Everything survives. */
    static CrashPlan applyAll() {
        return of(Fate.APPLY, new Random(0));
    }

    /** Every operation meets the same fate. */
    static CrashPlan of(Fate fate, Random random) {
        return new CrashPlan() {
            @Override
            public Fate fate(PendingOperation operation) {
                return fate;
            }

            @Override
            public boolean sectorSurvives() {
                return random.nextBoolean();
            }

            @Override
            public void fillGarbage(byte[] sector) {
                random.nextBytes(sector);
            }
        };
    }

    /** Any subset survives, whole or torn. How much survives differs from crash to crash, from nothing to everything. */
    static CrashPlan random(Random random) {
        int applyPercent = new int[] {0, 5, 30, 60, 95, 100}[random.nextInt(6)];
        int tearPercent = new int[] {0, 10, 50}[random.nextInt(3)];
        return new CrashPlan() {
            @Override
            public Fate fate(PendingOperation operation) {
                if (random.nextInt(100) < tearPercent) {
                    return random.nextInt(4) == 0 ? Fate.GARBAGE : Fate.TEAR;
                }
                return random.nextInt(100) < applyPercent ? Fate.APPLY : Fate.DROP;
            }

            @Override
            public boolean sectorSurvives() {
                return random.nextBoolean();
            }

            @Override
            public void fillGarbage(byte[] sector) {
                random.nextBytes(sector);
            }
        };
    }
}
