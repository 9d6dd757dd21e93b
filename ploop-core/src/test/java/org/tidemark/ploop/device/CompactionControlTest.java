package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** Ways to make a file shorter that are wrong in one thing; each is caught. */
@Timeout(120)
final class CompactionControlTest {
    private static final int SEEDS = 1500;

    @Test
    void entryBeforeTheDataOfAMovedCluster() {
        assertCaught(BrokenFiles::entryBeforeTheDataIsDurable);
    }

    @Test
    void fileCutBeforeTheEntryIsDurable() {
        assertCaught(BrokenFiles::cutBeforeTheEntryIsDurable);
    }

    @Test
    void nothingIsFlushed() {
        assertCaught(below -> new ForwardingDirectory(below, Unflushed::new));
    }

    @Test
    void theDataIsNotMovedAtAll() {
        assertCaught(below -> new ForwardingDirectory(below, Unmoved::new));
    }

    private static final class Unflushed extends ForwardingImageIo {
        Unflushed(ImageIo below) {
            super(below);
        }

        @Override
        public void flush() {
            // Forgotten.
        }
    }

    /** Entries are changed one at a time only when clusters are moved. */
    private static final class Unmoved extends ForwardingImageIo {
        Unmoved(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            if (length == 4) {
                AlignedBuffer other = AlignedBuffer.allocate(4);
                below.read(position == 64 ? 68 : 64, other, 0, 4);
                below.write(position, other, 0, 4);
            } else {
                below.write(position, src, srcOffset, length);
            }
        }
    }

    @Test
    void everySubsetOfEveryCrash() throws IOException {
        long crashes = everyPowerCut(UnaryOperator.identity());
        System.out.println(crashes + " crashes");
        assertThat(crashes).isGreaterThan(60);
        for (UnaryOperator<ImageDirectory> wrong : List.<UnaryOperator<ImageDirectory>>of(
                BrokenFiles::entryBeforeTheDataIsDurable,
                BrokenFiles::cutBeforeTheEntryIsDurable,
                below -> new ForwardingDirectory(below, Unmoved::new))) {
            assertThatThrownBy(() -> everyPowerCut(wrong)).isInstanceOfAny(AssertionError.class, ImageException.class);
        }
    }

    private static long everyPowerCut(UnaryOperator<ImageDirectory> program) throws IOException {
        return CompactionRun.everyPowerCut(1, 2, program);
    }

    private static void assertCaught(UnaryOperator<ImageDirectory> wrong) {
        assertThatThrownBy(() -> {
                    for (int seed = 1; seed <= SEEDS; seed++) {
                        new CompactionRun(new Random(seed), wrong).go();
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class);
    }
}
