package org.tidemark.ploop.format.qcow2;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** Commands on the tables of qcow2 images that are wrong in one thing; each is caught. */
@Timeout(240)
final class CommandControlTest {
    private static final int SEEDS = 2000;

    private interface Life {
        void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program) throws IOException;
    }

    @Test
    void restoreThatFlushesNothing() {
        assertCaught(CommandRun::restore, Unflushed::new);
    }

    @Test
    void restoreWhoseHeaderNamesATableThatIsNotDurable() {
        assertCaught(CommandRun::restore, file -> new NoFlushBefore(file, Qcow2Header.AT_DISK_SIZE));
    }

    /** The counts of what the disk named go down and its clusters are used again before the header forgets them. */
    @Test
    void restoreWhoseHeaderIsNotFlushed() {
        assertCaught(CommandRun::restore, file -> new NoFlushAfter(file, Qcow2Header.AT_DISK_SIZE));
    }

    @Test
    void bitmapThatFlushesNothing() {
        assertCaught(CommandRun::bitmap, Unflushed::new);
    }

    private static void assertCaught(Life life, UnaryOperator<ImageIo> wrong) {
        assertThatThrownBy(() -> {
                    for (int seed = 1; seed <= SEEDS; seed++) {
                        life.live(
                                new Random(seed),
                                BrokenOff.BY_POWER_CUT,
                                below -> new ForwardingDirectory(below, wrong));
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class)
                .satisfies(e -> System.out.println("caught: " + e.getMessage()));
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

    /** The flush right before a write to that position is left out. */
    private static final class NoFlushBefore extends ForwardingImageIo {
        private final long place;
        private boolean asked;

        NoFlushBefore(ImageIo below, long place) {
            super(below);
            this.place = place;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            if (asked && position != place) {
                below.flush();
            }
            asked = false;
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void flush() throws IOException {
            if (asked) {
                below.flush();
            }
            asked = true;
        }
    }

    /** The flush right after a write to that position is left out. */
    private static final class NoFlushAfter extends ForwardingImageIo {
        private final long place;
        private boolean written;

        NoFlushAfter(ImageIo below, long place) {
            super(below);
            this.place = place;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            written = position == place;
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void flush() throws IOException {
            if (!written) {
                below.flush();
            }
            written = false;
        }
    }
}
