package org.tidemark.ploop.device.tracker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.testing.Seeds;

class WriteTrackerTest {
    private static final long LIMIT = 64L << 20;
    private static final int GRANULE = WriteTracker.GRANULE_BYTES;

    private static List<ImageRange> all(WriteTracker tracker) {
        return tracker.marked(0, Integer.MAX_VALUE, Long.MAX_VALUE);
    }

    @Test
    void tellsOfEveryGranuleThatAChangeTouchesJoinedAndInOrder() throws Exception {
        WriteTracker tracker = WriteTracker.begin(StateArea.inMemory(), LIMIT);
        assertThat(all(tracker)).isEmpty();
        tracker.changed(5 * GRANULE + 1, 1);
        tracker.changed(63L * GRANULE, 2 * GRANULE);
        tracker.changed(6L * GRANULE - 1, 2);
        assertThat(all(tracker))
                .containsExactly(new ImageRange(5 * GRANULE, 2 * GRANULE), new ImageRange(63L * GRANULE, 2 * GRANULE));
        assertThat(tracker.waitingBytes()).isEqualTo(4 * GRANULE);
        assertThat(tracker.marked(6 * GRANULE, 10, Long.MAX_VALUE))
                .containsExactly(new ImageRange(6 * GRANULE, GRANULE), new ImageRange(63L * GRANULE, 2 * GRANULE));
    }

    @Test
    void clearsOnlyGranulesThatLieWhollyInTheRange() throws Exception {
        WriteTracker tracker = WriteTracker.begin(StateArea.inMemory(), LIMIT);
        tracker.changed(0, 4 * GRANULE);
        tracker.clear(new ImageRange(GRANULE / 2, 2 * GRANULE));
        assertThat(all(tracker)).containsExactly(new ImageRange(0, GRANULE), new ImageRange(2 * GRANULE, 2 * GRANULE));
        tracker.clear(new ImageRange(0, LIMIT));
        assertThat(tracker.waitingBytes()).isZero();
    }

    @Test
    void aSuccessorGoesOnWithWhatWasMarked() throws Exception {
        StateArea area = StateArea.inMemory();
        assertThat(WriteTracker.isIn(area)).isFalse();
        WriteTracker.begin(area, LIMIT).changed(7 * GRANULE, 1);
        assertThat(WriteTracker.isIn(area)).isTrue();
        WriteTracker successor = WriteTracker.resume(area, LIMIT);
        assertThat(all(successor)).containsExactly(new ImageRange(7 * GRANULE, GRANULE));
        successor.close();
        assertThat(WriteTracker.isIn(area)).isFalse();
        assertThat(all(WriteTracker.begin(area, LIMIT))).isEmpty();
    }

    @Test
    void whatCannotBeRememberedBreaksIt() throws Exception {
        WriteTracker tracker = WriteTracker.begin(StateArea.inMemory(), LIMIT);
        // The memory is rounded up to whole pages, which stand for more than the limit.
        tracker.changed(LIMIT * 3, 1);
        assertThat(tracker.broken()).isTrue();
    }

    @Test
    void isAsGoodAsASetOfGranules() throws Exception {
        for (long seed : Seeds.of(20).toArray()) {
            Seeds.replayable(WriteTrackerTest.class, seed, WriteTrackerTest::compareWithASet);
        }
    }

    private static void compareWithASet(Random random) throws Exception {
        WriteTracker tracker = WriteTracker.begin(StateArea.inMemory(), LIMIT);
        BitSet model = new BitSet();
        int granules = (int) (LIMIT / GRANULE);
        for (int step = 0; step < 500; step++) {
            int first = random.nextInt(granules);
            int count = 1 + random.nextInt(Math.min(200, granules - first));
            ImageRange range = new ImageRange((long) first * GRANULE, (long) count * GRANULE);
            if (random.nextInt(3) == 0) {
                tracker.clear(range);
                model.clear(first, first + count);
            } else {
                tracker.changed(range.positionBytes(), range.lengthBytes());
                model.set(first, first + count);
            }
            if (step % 50 == 0) {
                BitSet told = new BitSet();
                for (ImageRange one : all(tracker)) {
                    told.set((int) (one.positionBytes() / GRANULE), (int) (one.endBytes() / GRANULE));
                }
                assertThat(told).isEqualTo(model);
                assertThat(tracker.waitingBytes()).isEqualTo((long) model.cardinality() * GRANULE);
            }
        }
    }

    @Test
    void marksOfManyThreadsAreAllThere() throws Exception {
        WriteTracker tracker = WriteTracker.begin(StateArea.inMemory(), LIMIT);
        int threads = 4;
        CountDownLatch done = new CountDownLatch(threads);
        for (int i = 0; i < threads; i++) {
            int mine = i;
            new Thread(() -> {
                        for (long granule = mine; granule < LIMIT / GRANULE; granule += threads) {
                            tracker.changed(granule * GRANULE, GRANULE);
                        }
                        done.countDown();
                    })
                    .start();
        }
        done.await();
        assertThat(all(tracker)).containsExactly(new ImageRange(0, LIMIT));
    }
}
