package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.device.ForgetfulQcow2.Place;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.proof.Harness;
import org.tidemark.ploop.sim.ForwardingDirectory;

/** The harness notices what it is there to notice: each of these writers of qcow2 is wrong in one thing and must fail. */
@Timeout(600)
final class Qcow2CrashHarnessControlTest {
    private static final int SEEDS = 2000;

    /**
     * Without the flush before it: an L1 entry names an L2 table that is not durable; a refcount table entry a block; the
     * header a table; the dirty bit goes before the rest; a count goes down before the entry that dropped it.
     */
    @ParameterizedTest
    @EnumSource(
            value = Place.class,
            names = {"ELSEWHERE"},
            mode = EnumSource.Mode.EXCLUDE)
    void aFlushLeftOut(Place before) {
        assertCaught(ofFile(file -> ForgetfulQcow2.withoutFlushBefore(file, before)));
    }

    @ParameterizedTest
    @EnumSource(
            value = Place.class,
            names = {"REFCOUNT_BLOCK"})
    void countsAfterTheEntriesThatNeedThem(Place late) {
        assertCaught(ofFile(file -> ForgetfulQcow2.late(file, late)));
    }

    @Test
    void dataNotSynced() {
        assertCaught(ofTop(BrokenDeltas::dataNotSynced));
    }

    @Test
    void tablesNotSynced() {
        assertCaught(ofTop(BrokenDeltas::tableNotSynced));
    }

    @Test
    void nothingSynced() {
        assertCaught(ofTop(BrokenDeltas::neverSynced));
    }

    @Test
    void punchLeftOut() {
        assertCaught(ofTop(BrokenDeltas::punchLeftOut));
    }

    @Test
    void sharedClustersWrittenInPlace() {
        assertCaught(ofFile(ForgetfulQcow2::sharedLooksOwned));
    }

    /** A refcount table that has to grow: the header names the new one, or it names the new blocks, before they are durable. */
    @ParameterizedTest
    @EnumSource(
            value = Place.class,
            names = {"REFCOUNT_TABLE", "TABLE_POINTER"})
    void aFlushLeftOutWhileTheTableGrows(Place before) {
        Breakage breakage = ofFile(file -> ForgetfulQcow2.withoutFlushBefore(file, before));
        assertCaught(random -> Qcow2CrashRun.tableGrows(random, breakage));
        assertCaught(random -> Qcow2CrashRun.tableGrows(random, breakage.unordered()));
    }

    @Test
    void theTableReallyGrows() throws Exception {
        int moved = 0;
        for (int seed = 1; seed <= 20; seed++) {
            moved += Qcow2CrashRun.tablesAfterGrowth(new Random(seed)) > 1 ? 1 : 0;
        }
        assertThat(moved).isGreaterThan(5);
    }

    private static Breakage ofTop(UnaryOperator<Delta> wrong) {
        return Breakage.ofTop(wrong);
    }

    private static Breakage ofFile(UnaryOperator<ImageIo> wrong) {
        return new Breakage(
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                folder -> new ForwardingDirectory(folder, wrong),
                false);
    }

    private static void assertCaught(Breakage breakage) {
        assertCaught(random -> new Qcow2CrashRun(random, breakage).go(60));
    }

    private static void assertCaught(Harness.Life life) {
        String why = null;
        int seed = 0;
        while (why == null && seed < SEEDS) {
            seed++;
            try {
                life.live(new Random(seed));
            } catch (AssertionError | Exception e) {
                why = String.valueOf(e.getMessage());
            }
        }
        assertThat(why).as("what the harness found within %d seeds", SEEDS).isNotNull();
        System.out.println("caught by seed " + seed + ": "
                + why.lines().filter(line -> !line.isBlank()).findFirst().orElse(""));
    }
}
