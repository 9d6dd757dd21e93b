package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.Random;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * Everything that a power cut can do to a short piece of work: the power goes at each of its changes in turn, and each time
 * every subset of what was not durable survives. Where more is pending than {@code bound} operations, the older ones all
 * survive, or all are lost, with every subset of the newest.
 */
public final class EveryCrash {
    private EveryCrash() {}

    /** The work, and what must be true after a crash in it. A new one for each try. */
    public interface Trial {
        void work(ImageDirectory folder) throws IOException;

        /** Looks at what a crash left; called many times after one try of {@link #work}. */
        void check(SimulatedDisk after, boolean finished) throws IOException;
    }

    /** Makes trials. */
    @FunctionalInterface
    public interface Trials {
        Trial next(SimulatedDisk disk) throws IOException;
    }

    /** Returns how many crashes there were. */
    public static long of(SimulatedDisk start, int bound, Trials trials) throws IOException {
        long crashes = 0;
        boolean finished = false;
        for (int changes = 0; !finished; changes++) {
            SimulatedDisk disk = start.twin();
            Trial trial = trials.next(disk);
            MortalDirectory mortal = new MortalDirectory(new OrderCheckedDirectory(disk));
            mortal.killAfter(changes);
            try {
                trial.work(mortal);
                finished = true;
            } catch (Killed e) {
                // The power goes here.
            }
            int pending = disk.pending().size();
            int free = Math.min(pending, bound);
            for (int older = 0; older < (pending > bound ? 2 : 1); older++) {
                for (int subset = 0; subset < 1 << free; subset++) {
                    SimulatedDisk after = disk.crash(new Subset(pending - free, older == 1, subset));
                    crashes++;
                    try {
                        trial.check(after, finished);
                    } catch (AssertionError | IOException e) {
                        throw new AssertionError(
                                "after " + changes + " changes, of " + disk.pending() + " survive the last " + free
                                        + " as in " + Integer.toBinaryString(subset) + ", older ones "
                                        + (older == 1) + ": " + e.getMessage(),
                                e);
                    }
                }
            }
        }
        return crashes;
    }

    /** Pending operations are asked for in their order. */
    private static final class Subset implements CrashPlan {
        private final int older;
        private final boolean olderSurvive;
        private final int subset;
        private final Random random = new Random(1);
        private int asked;

        Subset(int older, boolean olderSurvive, int subset) {
            this.older = older;
            this.olderSurvive = olderSurvive;
            this.subset = subset;
        }

        @Override
        public Fate fate(PendingOperation operation) {
            int index = asked++;
            boolean survives = index < older ? olderSurvive : (subset >>> (index - older) & 1) != 0;
            return survives ? Fate.APPLY : Fate.DROP;
        }

        @Override
        public boolean sectorSurvives() {
            return random.nextBoolean();
        }

        @Override
        public void fillGarbage(byte[] sector) {
            random.nextBytes(sector);
        }
    }
}
