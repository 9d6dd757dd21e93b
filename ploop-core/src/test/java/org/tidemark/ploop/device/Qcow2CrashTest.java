package org.tidemark.ploop.device;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Seeds;

/** Long random lives of qcow2 images with kills and power cuts; short ones are in {@code CrashProofTest}: {@code -Dseeds=N} for more, {@code -Dseed=N} for one of them. */
@Timeout(1800)
final class Qcow2CrashTest {
    private static final int STEPS = 50;

    @Test
    void survivesKillsAndPowerLossAnywhere() throws Exception {
        LongStream.Builder seeds = LongStream.builder();
        Seeds.of(60).forEach(seeds);
        for (long seed : seeds.build().toArray()) {
            Seeds.replayable(getClass(), seed, random -> new Qcow2CrashRun(random, Breakage.NONE).go(STEPS));
        }
    }
}
