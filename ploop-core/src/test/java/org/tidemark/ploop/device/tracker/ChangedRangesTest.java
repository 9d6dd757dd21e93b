package org.tidemark.ploop.device.tracker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ChangedRangesTest {
    private static final int PAGE = 4096;

    private static BitSet pages(List<ImageRange> ranges) {
        BitSet pages = new BitSet();
        long end = -1;
        for (ImageRange range : ranges) {
            assertThat(range.positionBytes()).as("ascending, with gaps").isGreaterThan(end);
            assertThat(range.positionBytes() % PAGE).isZero();
            assertThat(range.lengthBytes() % PAGE).isZero();
            pages.set((int) (range.positionBytes() / PAGE), (int) (range.endBytes() / PAGE));
            end = range.endBytes();
        }
        return pages;
    }

    @Test
    void isAsABitForEachPage() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            ChangedRanges log = new ChangedRanges();
            BitSet model = new BitSet();
            for (int i = random.nextInt(60); i > 0; i--) {
                long position = random.nextInt(400 * PAGE);
                long length = 1 + random.nextInt(random.nextBoolean() ? 5000 : 40 * PAGE);
                log.changed(position, length);
                model.set((int) (position / PAGE), (int) ((position + length - 1) / PAGE) + 1);
            }
            assertThat(pages(log.ranges(Integer.MAX_VALUE))).as("seed " + seed).isEqualTo(model);
            int most = 1 + random.nextInt(8);
            List<ImageRange> few = log.ranges(most);
            assertThat(few.size()).isLessThanOrEqualTo(most);
            BitSet lost = (BitSet) model.clone();
            lost.andNot(pages(few));
            assertThat(lost.isEmpty()).as("seed " + seed).isTrue();
        }
    }

    @Test
    void allIsAll() {
        ChangedRanges log = new ChangedRanges();
        log.changed(1L << 40, 1);
        log.all(10_000);
        assertThat(log.ranges(10)).containsExactly(new ImageRange(0, 3 * PAGE));
        log.changed(0, 0);
        assertThat(new ChangedRanges().ranges(1)).isEmpty();
    }
}
