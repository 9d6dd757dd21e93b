package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.BitFlipRun.Outcome;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** What {@link BitFlipRun} must notice, and that flipped bits come to every end there is. */
@Timeout(300)
final class BitFlipControlTest {
    private static final int SEEDS = 200;

    @Test
    void flippedBitsAreRefusedFoundOrHarmless() throws IOException {
        Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
        for (long seed = 1; seed <= 60; seed++) {
            outcomes.merge(BitFlipRun.live(new Random(seed), UnaryOperator.identity()), 1, Integer::sum);
        }
        System.out.println("flipped bits: " + outcomes);
        assertThat(outcomes).containsOnlyKeys(Outcome.values());
    }

    /** A write that reaches a sector of another cluster as well. */
    @Test
    void damageBesideWhatIsWrittenIsCaught() {
        requireCaught(Spilling::new);
    }

    /** Data that reads with another bit, where no entry was hit. */
    @Test
    void anotherBitOfDataIsCaught() {
        requireCaught(Rotten::new);
    }

    private static void requireCaught(UnaryOperator<ImageIo> wrong) {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= SEEDS; seed++) {
                        BitFlipRun.live(new Random(seed), folder -> wrapped(folder, wrong));
                    }
                })
                .isInstanceOf(AssertionError.class);
    }

    private static ImageDirectory wrapped(ImageDirectory folder, UnaryOperator<ImageIo> wrong) {
        return new ForwardingDirectory(folder, file -> file.name().contains("tidemark") ? file : wrong.apply(file));
    }

    private static final class Spilling extends ForwardingImageIo {
        Spilling(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            super.write(position, src, srcOffset, length);
            if (position >= 2 * BitFlipRun.CLUSTER && length == BitFlipRun.CLUSTER) {
                super.write(position - 512, src, srcOffset, 512);
            }
        }
    }

    private static final class Rotten extends ForwardingImageIo {
        Rotten(ImageIo below) {
            super(below);
        }

        @Override
        public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
            super.read(position, dst, dstOffset, length);
            if (position == 6L * BitFlipRun.CLUSTER) {
                dst.bytes().put(dstOffset, (byte) (dst.bytes().get(dstOffset) ^ 1));
            }
        }
    }
}
