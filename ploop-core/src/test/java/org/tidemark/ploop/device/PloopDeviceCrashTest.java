package org.tidemark.ploop.device;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Seeds;

/** Long random lives of a chain with kills and power cuts; short ones are in {@code CrashProofTest}: {@code -Dseeds=N} for more, {@code -Dseed=N} for one of them. */
@Timeout(1800)
final class PloopDeviceCrashTest {
    private static final int STEPS = 60;

    @Test
    void survivesKillsAndPowerLossAnywhere() throws Exception {
        LongStream.Builder seeds = LongStream.builder();
        Seeds.of(150).forEach(seeds);
        for (long seed : seeds.build().toArray()) {
            Seeds.replayable(getClass(), seed, random -> new CrashRun(random, Breakage.NONE).go(STEPS));
        }
    }
}
