package org.tidemark.ploop.device.cbt;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Seeds;

/** Whatever happens to the tracker, an interval that is not full shows everything that changed. */
@Timeout(1800)
final class ChangedBlockTrackerCrashTest {
    private static final int STEPS = 120;

    @Test
    void neverLeavesAChangeOut() throws Exception {
        LongStream.Builder seeds = LongStream.builder();
        Seeds.of(300).forEach(seeds);
        long[] all = seeds.build().toArray();
        int[] incremental = {0};
        for (long seed : all) {
            Seeds.replayable(
                    getClass(),
                    seed,
                    random -> incremental[0] +=
                            new TrackerRun(random, TrackerRun.Wrong.NOTHING, UnaryOperator.identity()).go(STEPS));
        }
        assertThat(incremental[0]).as("intervals that were put to the test").isGreaterThan(all.length / 2);
    }
}
