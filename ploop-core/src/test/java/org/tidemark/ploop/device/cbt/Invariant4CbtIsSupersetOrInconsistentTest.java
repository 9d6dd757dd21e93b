package org.tidemark.ploop.device.cbt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker.ImageCondition;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * The CBT is a superset of the truth, or says that it does not know. Here: writers and {@code persist} at the same time,
 * and the power goes at any operation; {@link ChangedBlockTrackerCrashTest} has everything else.
 */
@Timeout(300)
final class Invariant4CbtIsSupersetOrInconsistentTest {
    private static final long DISK = 64L << 20;
    private static final int GRANULE = BitmapGeneration.GRANULE_BYTES;
    private static final int WRITERS = 3;
    private static final int REGIONS = (int) (DISK / IntentRegions.REGION_BYTES);

    static LongStream seeds() {
        return Seeds.of(150).limit(2000);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void writersAndPersistInParallel(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, Invariant4CbtIsSupersetOrInconsistentTest::run);
    }

    private static void run(Random random) throws Exception {
        SimulatedDisk disk = new SimulatedDisk();
        MortalDirectory folder = new MortalDirectory(disk);
        ChangedBlockTracker tracker = open(folder);
        Checkpoint start = tracker.begin("c", null).end();
        tracker.commit("c", start);
        tracker.flushDataWith(() -> {});
        folder.killAfter(5 + random.nextInt(60));
        BitSet written = new BitSet();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
            Random own = new Random(random.nextLong());
            threads.add(start(stop, failure, () -> write(tracker, own, written)));
        }
        threads.add(start(stop, failure, tracker::persist));
        for (Thread thread : threads) {
            thread.join(30_000);
            stop.set(true);
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(failure.get()).isNull();

        ChangedBlockTracker after = open(disk.crash(random));
        Interval interval = after.begin("c", start);
        assertThat(interval.isFull()).isFalse();
        written.stream().forEach(granule -> assertThat(interval.mayHaveChanged((long) granule * GRANULE, GRANULE))
                .as("granule %d was written", granule)
                .isTrue());
    }

    private interface Step {
        void run() throws IOException;
    }

    /** Repeats the step until the process is killed. */
    private static Thread start(AtomicBoolean stop, AtomicReference<Throwable> failure, Step step) {
        Thread thread = new Thread(() -> {
            try {
                for (int i = 0; i < 2000 && !stop.get(); i++) {
                    step.run();
                }
            } catch (Killed e) {
                stop.set(true);
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        thread.start();
        return thread;
    }

    /** Few granules of many regions, so that writers meet in words of the bitmap and regions open and close. */
    private static void write(ChangedBlockTracker tracker, Random own, BitSet written) throws IOException {
        int granule = own.nextInt(REGIONS) * (int) (IntentRegions.REGION_BYTES / GRANULE) + own.nextInt(6);
        long offset = (long) granule * GRANULE;
        tracker.mark(offset, GRANULE);
        synchronized (written) {
            written.set(granule);
        }
        tracker.written(offset, GRANULE);
    }

    private static ChangedBlockTracker open(org.tidemark.ploop.io.ImageDirectory folder) throws IOException {
        return ChangedBlockTracker.open(
                new KeptState(),
                DISK,
                folder,
                TrackerRun.FILE,
                ImageCondition.CRASHED_IN_OUR_HANDS,
                "",
                UUID::randomUUID);
    }
}
