package org.tidemark.ploop.device.cbt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.cbt.TrackerRun.Wrong;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** The tracker's harness notices what it is there to notice: each of these is wrong in one thing and must fail. */
@Timeout(300)
final class TrackerHarnessControlTest {
    private static final int SEEDS = 600;
    private static final int INTENT_END = StateSlots.BYTES + BitmapGeneration.PAGE_BYTES;

    @Test
    void markAfterTheWrite() {
        assertCaught(Wrong.MARK_AFTER_WRITE, UnaryOperator.identity());
    }

    @Test
    void intentNotSynced() {
        assertCaught(Wrong.NOTHING, folder -> new ForwardingDirectory(folder, IntentNotSynced::new));
    }

    @Test
    void intentClosedBeforeTheBitsAreThere() {
        assertCaught(Wrong.NOTHING, folder -> new ForwardingDirectory(folder, BitsAfterIntent::new));
    }

    @Test
    void nothingIsEverSynced() {
        assertCaught(Wrong.NOTHING, folder -> new ForwardingDirectory(folder, NeverSynced::new));
    }

    private static boolean isIntent(long position) {
        return position >= StateSlots.BYTES && position < INTENT_END;
    }

    /** A flush that follows a write of the intent map does nothing. */
    private static final class IntentNotSynced extends ForwardingImageIo {
        private boolean intentWritten;

        IntentNotSynced(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            intentWritten = isIntent(position);
            super.write(position, src, srcOffset, length);
        }

        @Override
        public void flush() throws IOException {
            if (!intentWritten) {
                super.flush();
            }
        }
    }

    /** Pages of bitmaps reach the file after the intent map was written the next time. */
    private static final class BitsAfterIntent extends ForwardingImageIo {
        private record Page(long position, AlignedBuffer bytes) {}

        private final List<Page> heldBack = new ArrayList<>();

        BitsAfterIntent(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            if (position >= INTENT_END) {
                AlignedBuffer copy = AlignedBuffer.allocate(length);
                copy.copyFrom(src, srcOffset, 0, length);
                heldBack.add(new Page(position, copy));
                return;
            }
            super.write(position, src, srcOffset, length);
            if (isIntent(position)) {
                for (Page page : heldBack) {
                    super.write(page.position(), page.bytes(), 0, BitmapGeneration.PAGE_BYTES);
                }
                heldBack.clear();
            }
        }
    }

    private static final class NeverSynced extends ForwardingImageIo {
        NeverSynced(ImageIo below) {
            super(below);
        }

        @Override
        public void flush() {
            // Left out on purpose.
        }
    }

    private static void assertCaught(Wrong wrong, UnaryOperator<ImageDirectory> breakage) {
        String why = null;
        int seed = 0;
        while (why == null && seed < SEEDS) {
            seed++;
            try {
                new TrackerRun(new Random(seed), wrong, breakage).go(120);
            } catch (AssertionError | Exception e) {
                why = String.valueOf(e.getMessage());
            }
        }
        assertThat(why).as("what the harness found within %d seeds", SEEDS).isNotNull();
        System.out.println(
                "caught by seed " + seed + ": " + why.lines().findFirst().orElse(""));
    }
}
