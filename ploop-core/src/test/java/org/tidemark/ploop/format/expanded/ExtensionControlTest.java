package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** Ways to save the format extension that are wrong in one thing; each is caught. */
@Timeout(120)
final class ExtensionControlTest {
    private static final int SEEDS = 2000;

    private enum Wrong {
        /** The header names an extension that is not durable. */
        HEADER_BEFORE_EXTENSION,
        /** The header is not durable when the command says so. */
        HEADER_NOT_FLUSHED,
        /** The new extension is written over the old one. */
        IN_THE_SAME_PLACE
    }

    @Test
    void headerBeforeTheExtensionIsDurable() {
        assertCaught(Wrong.HEADER_BEFORE_EXTENSION);
    }

    @Test
    void headerNotFlushed() {
        assertCaught(Wrong.HEADER_NOT_FLUSHED);
    }

    @Test
    void writtenOverTheOldExtension() {
        assertCaught(Wrong.IN_THE_SAME_PLACE);
    }

    @Test
    void everySubsetOfEveryCrash() throws IOException {
        long crashes = ExtensionRun.everyPowerCut(8, UnaryOperator.identity());
        System.out.println(crashes + " crashes");
        assertThat(crashes).isGreaterThan(15);
        for (Wrong wrong : Wrong.values()) {
            assertThatThrownBy(() -> ExtensionRun.everyPowerCut(
                            8, below -> new ForwardingDirectory(below, file -> new Faulty(file, wrong))))
                    .as(wrong.name())
                    .isInstanceOfAny(AssertionError.class, ImageException.class);
        }
    }

    private static void assertCaught(Wrong wrong) {
        assertThatThrownBy(() -> {
                    for (int seed = 1; seed <= SEEDS; seed++) {
                        ExtensionRun.live(
                                new Random(seed),
                                BrokenOff.BY_POWER_CUT,
                                below -> new ForwardingDirectory(below, file -> new Faulty(file, wrong)));
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class);
    }

    private static final class Faulty extends ForwardingImageIo {
        private final Wrong wrong;
        private int flushes;

        Faulty(ImageIo below, Wrong wrong) {
            super(below);
            this.wrong = wrong;
        }

        @Override
        public void flush() throws IOException {
            flushes++;
            if (!(wrong == Wrong.HEADER_BEFORE_EXTENSION && flushes == 1)
                    && !(wrong == Wrong.HEADER_NOT_FLUSHED && flushes == 2)) {
                below.flush();
            }
        }

        /** The old place, if the header has one, in the place of the end of the file. */
        @Override
        public long size() throws IOException {
            if (wrong == Wrong.IN_THE_SAME_PLACE) {
                AlignedBuffer place = AlignedBuffer.allocate(8);
                below.read(56, place, 0, 8);
                if (place.getLong(0) != 0) {
                    return place.getLong(0) * 512;
                }
            }
            return below.size();
        }
    }
}
