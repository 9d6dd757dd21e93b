package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.testing.Seeds;

/** {@link TrialOverlayRun}, and programs that are wrong in one thing. */
@Timeout(300)
final class TrialOverlayCrashTest {
    @Test
    void theDiskIsTheOldOneOrTheNewOne() throws Exception {
        for (long seed : Seeds.of(20).toArray()) {
            Seeds.replayable(getClass(), seed, random -> {
                for (BrokenOff how : BrokenOff.values()) {
                    TrialOverlayRun.live(random, how, UnaryOperator.identity());
                }
            });
        }
    }

    /** What a wrong program forgets: its overlay, whose it is, the overlay's new name, or the image is not durable in time. */
    @Test
    void wrongProgramsAreCaught() {
        caught("the overlay is not durable", folder -> forgetting(folder, "\\.root\\.hdd\\.tidemark-trial"));
        caught("whose overlay it is is not durable", folder -> forgetting(folder, ".*-of"));
        caught("the image is not durable", folder -> forgetting(folder, "root\\.hdd"));
        caught("the names are not durable", folder -> new BrokenFolder(folder, BrokenFolder.Fault.NO_FOLDER_SYNC));
    }

    /** A restore, or somebody who does not heed locks, puts another file in its place. */
    @Test
    void whatIsOfAnotherFileIsNotWrittenToIt() throws IOException {
        TrialOverlayRun.replacedImage(new Random(1));
    }

    @Test
    void aChangeForWhichThereIsNoRoomIsRefusedBeforeItCounts() throws IOException {
        TrialOverlayRun.withoutRoom(new Random(1));
    }

    @Test
    void anImageThatWasWrittenToMeanwhileStaysAsItIs() throws IOException {
        TrialOverlayRun.writtenToMeanwhile(new Random(1));
    }

    private static ImageDirectory forgetting(ImageDirectory folder, String pattern) {
        return new ForwardingDirectory(folder, io -> {
            String name = io.name().substring(io.name().lastIndexOf('/') + 1);
            return name.matches(pattern) ? new Unsynced(io) : io;
        });
    }

    private static void caught(String what, UnaryOperator<ImageDirectory> program) {
        List<Throwable> caught = new ArrayList<>();
        for (long seed = 1; seed < 300 && caught.isEmpty(); seed++) {
            try {
                TrialOverlayRun.live(new Random(seed), BrokenOff.BY_POWER_CUT, program);
            } catch (AssertionError | IOException e) {
                caught.add(e);
            }
        }
        assertThat(caught).as(what).isNotEmpty();
        System.out.println(what + ": " + caught.get(0).getMessage());
    }

    private static final class Unsynced extends ForwardingImageIo {
        Unsynced(ImageIo below) {
            super(below);
        }

        @Override
        public void flush() {
            // Forgotten.
        }
    }
}
