package org.tidemark.ploop.device;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.testing.Seeds;

/**
 * A crash leaves at worst leaked clusters; the table never points at a cluster whose data is not durable. The harness
 * checks every file after every crash, and the order of writing at every write.
 */
@Timeout(300)
final class Invariant2CrashLeavesAtWorstLeakedClustersTest {
    static LongStream seeds() {
        return Seeds.of(10).limit(50);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void inLongLives(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new CrashRun(random, Breakage.NONE).go(400));
    }
}
