package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.KeptBitmapsRun.Kind;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.testing.Seeds;

/**
 * A bitmap of changes in an image is a superset of what was written since it was made, or says nothing: after detaching, after
 * kills, after power loss at any operation. Programs that are wrong in one thing are caught.
 */
class KeptBitmapsTest {
    private static final int STEPS = 80;

    static LongStream seeds() {
        return Seeds.of(30);
    }

    static Stream<Kind> kinds() {
        return Stream.of(KeptBitmapsRun.QCOW2, KeptBitmapsRun.EXPANDED);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aQcow2BitmapSaysEverythingOrNothing(long seed) throws Exception {
        Seeds.replayable(
                getClass(), seed, random -> run(KeptBitmapsRun.QCOW2, random).go(STEPS));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aBitmapInTheExtensionSaysEverythingOrNothing(long seed) throws Exception {
        Seeds.replayable(
                getClass(), seed, random -> run(KeptBitmapsRun.EXPANDED, random).go(STEPS));
    }

    private static KeptBitmapsRun run(Kind kind, Random random) throws IOException {
        return new KeptBitmapsRun(kind, random, UnaryOperator.identity());
    }

    /** Most detaches leave a valid bitmap, or the other tests would prove little. */
    @ParameterizedTest
    @MethodSource("kinds")
    void bitmapsAreValidAfterDetaching(Kind kind) throws IOException {
        int valid = 0;
        for (long seed = 1; seed <= 10; seed++) {
            valid += run(kind, new Random(seed)).go(STEPS);
        }
        assertThat(valid).isGreaterThan(20);
    }

    /** Negative control: something was written that no tracker was told. */
    @ParameterizedTest
    @MethodSource("kinds")
    void aBitmapThatMissesSomethingIsNoticed(Kind kind) {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= 20; seed++) {
                        run(kind, new Random(seed)).untold().go(STEPS);
                    }
                })
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("are not told");
    }

    /** Negative control: writes begin before it is durable that the extension is gone. */
    @Test
    void anExtensionThatComesBackIsNoticed() {
        assertCaught(below -> new Faulty(below, true));
    }

    /** Negative control: the header names bits that are not durable. */
    @Test
    void anExtensionThatIsNotDurableIsNoticed() {
        assertCaught(below -> new Faulty(below, false));
    }

    private static void assertCaught(UnaryOperator<ImageIo> faulty) {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= 300; seed++) {
                        new KeptBitmapsRun(
                                        KeptBitmapsRun.EXPANDED,
                                        new Random(seed),
                                        below -> new ForwardingDirectory(below, faulty))
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class);
    }

    /** Leaves out a sync: the one after the mark of use, or the one of what was written where no table names it. */
    private static final class Faulty extends ForwardingImageIo {
        private final boolean ofMark;
        private boolean wroteMark;
        private boolean wroteExtension;

        Faulty(ImageIo below, boolean ofMark) {
            super(below);
            this.ofMark = ofMark;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            wroteMark = position == 0 && src.getInt(srcOffset + 44) == ExpandedHeader.MARK_IN_USE;
            wroteExtension = length == 32 * 1024 && src.getLong(srcOffset) == 0xAB234CEF23DCEA87L;
            super.write(position, src, srcOffset, length);
        }

        @Override
        public void flush() throws IOException {
            boolean left = ofMark ? wroteMark : wroteExtension;
            wroteMark = false;
            wroteExtension = false;
            if (!left) {
                super.flush();
            }
        }
    }
}
