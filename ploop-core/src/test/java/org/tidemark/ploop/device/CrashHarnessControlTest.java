package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.BrokenDeltas.Late;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.ImageDirectory;

/** The crash harness notices what it is there to notice: each of these devices is wrong in one thing and must fail. */
@Timeout(300)
final class CrashHarnessControlTest {
    private static final int SEEDS = 400;

    @Test
    void tableBeforeData() {
        assertCaught(top(delta -> BrokenDeltas.dataLate(delta, Late.AFTER_THE_TABLE)));
    }

    @Test
    void pageOfTheTableCopiedAfterTheDataWasSynced() {
        assertCaught(top(delta -> BrokenDeltas.dataLate(delta, Late.AFTER_THE_FLUSH)));
    }

    @Test
    void syncOfTheDataLeftOut() {
        assertCaught(top(BrokenDeltas::dataNotSynced));
        assertCaught(top(BrokenDeltas::dataNotSynced).unordered());
    }

    @Test
    void syncOfTheTableLeftOut() {
        assertCaught(top(BrokenDeltas::tableNotSynced));
    }

    @Test
    void flushLeftOut() {
        assertCaught(top(BrokenDeltas::neverSynced));
        assertCaught(top(BrokenDeltas::neverSynced).unordered());
    }

    @Test
    void punchLeftOut() {
        assertCaught(top(BrokenDeltas::punchLeftOut));
    }

    @Test
    void copyUpLeftOut() {
        assertCaught(Breakage.ofLower(BrokenDeltas::copyUpLeftOut));
    }

    @Test
    void markClearedBeforeTheLastFlush() {
        assertCaught(top(BrokenDeltas::markClearedTooEarly));
    }

    @Test
    void entryOfADiscardedClusterClearedLate() {
        assertCaught(top(BrokenDeltas::entryClearedLate));
    }

    @Test
    void clusterNotZeroedBeforeItIsHandedOutAgain() {
        assertCaught(folder(BrokenFiles::clustersNotZeroed));
    }

    @Test
    void fileCutBeforeTheEntryOfAMovedClusterIsDurable() {
        assertCaught(folder(BrokenFiles::cutBeforeTheEntryIsDurable));
    }

    @Test
    void entryOfAMovedClusterBeforeItsData() {
        assertCaught(folder(BrokenFiles::entryBeforeTheDataIsDurable));
    }

    private static Breakage folder(UnaryOperator<ImageDirectory> wrong) {
        return new Breakage(UnaryOperator.identity(), UnaryOperator.identity(), wrong, true).unordered();
    }

    private static Breakage top(UnaryOperator<Delta> wrong) {
        return Breakage.ofTop(wrong);
    }

    private static void assertCaught(Breakage breakage) {
        String why = null;
        int seed = 0;
        while (why == null && seed < SEEDS) {
            seed++;
            try {
                new CrashRun(new Random(seed), breakage).go(60);
            } catch (AssertionError | Exception e) {
                why = String.valueOf(e.getMessage());
            }
        }
        assertThat(why).as("what the harness found within %d seeds", SEEDS).isNotNull();
        System.out.println(
                "caught by seed " + seed + ": " + why.lines().findFirst().orElse(""));
    }
}
