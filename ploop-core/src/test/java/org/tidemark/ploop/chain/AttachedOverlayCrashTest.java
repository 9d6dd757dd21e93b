package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
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
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.testing.Seeds;

/** Snapshots of an attached qcow2 image made, merged and deleted under writers, killed and cut off at any operation. */
@Timeout(600)
final class AttachedOverlayCrashTest {
    private static final int STEPS = 60;
    private static final int CONTROL_SEEDS = 400;

    @TempDir
    Path scratch;

    static LongStream seeds() {
        return Seeds.of(15);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyLevelHoldsWhatWasFrozen(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new AttachedOverlayRun(
                        random, scratch, UnaryOperator.identity(), UnaryOperator.identity())
                .go(STEPS));
    }

    @Test
    void writersAreAtWorkDuringMerges() throws IOException {
        int writes = 0;
        for (long seed = 1; seed <= 10; seed++) {
            AttachedOverlayRun run = new AttachedOverlayRun(
                    new Random(seed), scratch, UnaryOperator.identity(), UnaryOperator.identity());
            run.go(STEPS);
            writes += run.writesWhileMerging();
        }
        assertThat(writes).isGreaterThan(20);
    }

    /** What a program may forget. */
    enum Fault {
        /** Names are durable in any order. */
        NO_FOLDER_SYNC,
        /** Nothing is written down before a change. */
        NO_INTENT,
        /** Merged data is not made durable before the upper file goes. */
        NO_SYNC_OF_DATA
    }

    /** Programs with a fault each, all of which must be caught. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void faultyProgramsAreCaught(Fault fault) {
        Throwable caught = catchThrowable(() -> {
            for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                new AttachedOverlayRun(
                                new Random(seed),
                                scratch,
                                folder -> new Faulty(folder, fault),
                                UnaryOperator.identity())
                        .go(STEPS);
            }
        });
        System.out.println(fault + " is caught: " + caught);
        assertThat(caught).isInstanceOfAny(AssertionError.class, IOException.class, IllegalStateException.class);
    }

    static final class Faulty extends ForwardingDirectory {
        private static final String INTENT = "disk.tidemark-intent";

        private final Fault fault;

        Faulty(ImageDirectory below, Fault fault) {
            super(
                    below,
                    file -> fault == Fault.NO_SYNC_OF_DATA && !file.name().contains("tidemark")
                            ? withoutFlush(file)
                            : file);
            this.fault = fault;
        }

        private static ImageIo withoutFlush(ImageIo file) {
            return new ForwardingImageIo(file) {
                @Override
                public void flush() {
                    // Forgotten.
                }
            };
        }

        @Override
        public void rename(String from, String to) throws IOException {
            if (fault == Fault.NO_INTENT && to.equals(INTENT)) {
                below.delete(from);
            } else {
                super.rename(from, to);
            }
        }

        @Override
        public void sync() throws IOException {
            if (fault != Fault.NO_FOLDER_SYNC) {
                super.sync();
            }
        }
    }
}
