package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.testing.Seeds;

/** Snapshots made, merged and deleted on an attached image that is written to, killed and cut off at any operation. */
@Timeout(600)
final class AttachedChainCrashTest {
    private static final int STEPS = 60;
    private static final int CONTROL_SEEDS = 400;

    @TempDir
    Path scratch;

    static LongStream seeds() {
        return Seeds.of(250);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyLevelHoldsWhatWasFrozen(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new AttachedChainRun(
                        random, scratch, UnaryOperator.identity(), UnaryOperator.identity())
                .go(STEPS));
    }

    @Test
    void writersAreAtWorkDuringMerges() throws IOException {
        int writes = 0;
        for (long seed = 1; seed <= 20; seed++) {
            AttachedChainRun run =
                    new AttachedChainRun(new Random(seed), scratch, UnaryOperator.identity(), UnaryOperator.identity());
            run.go(STEPS);
            writes += run.writesWhileMerging();
        }
        assertThat(writes).isGreaterThan(50);
    }

    /** Programs with a fault each, all of which must be caught. */
    @ParameterizedTest
    @EnumSource(BrokenFolder.Fault.class)
    void faultyProgramsAreCaught(BrokenFolder.Fault fault) {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        new AttachedChainRun(
                                        new Random(seed),
                                        scratch,
                                        folder -> new BrokenFolder(folder, fault),
                                        UnaryOperator.identity())
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class, IllegalStateException.class);
    }

    /** A successor that believes map and cursor of whatever chain. */
    @Test
    void staleMapsAreCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        new AttachedChainRun(new Random(seed), scratch, UnaryOperator.identity(), WithoutBinding::new)
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class, IllegalArgumentException.class);
    }

    /** Forgets which chain it belongs to. */
    private record WithoutBinding(StateArea area) implements StateArea {
        @Override
        public boolean resumed() {
            return area.resumed();
        }

        @Override
        public AlignedBuffer region(String name, int sizeBytes) throws IOException {
            return name.equals("chain")
                    ? AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes))
                    : area.region(name, sizeBytes);
        }

        @Override
        public void drop(String name) throws IOException {
            if (!name.startsWith("map.")) {
                area.drop(name);
            }
        }

        @Override
        public void dropStartingWith(String prefix) throws IOException {
            area.dropStartingWith(prefix);
        }

        @Override
        public void close() throws IOException {
            area.close();
        }
    }
}
