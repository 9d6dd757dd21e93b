package org.tidemark.ploop.proof;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.chain.AttachedGrowthFaultTest;
import org.tidemark.ploop.chain.ChainOperationsCrashTest;
import org.tidemark.ploop.chain.FileReplacementTest;
import org.tidemark.ploop.chain.ImageGrowthCrashTest;
import org.tidemark.ploop.chain.ImageShrinkCrashTest;
import org.tidemark.ploop.chain.OverlayOperationsCrashTest;
import org.tidemark.ploop.chain.TrialOverlayRun;
import org.tidemark.ploop.check.ExpandedRepairTest;
import org.tidemark.ploop.check.Qcow2RepairTest;
import org.tidemark.ploop.check.RepairFaultTest;
import org.tidemark.ploop.device.CompactionRun;
import org.tidemark.ploop.format.expanded.ExtensionRun;
import org.tidemark.ploop.format.expanded.VersionConversionCrashTest;
import org.tidemark.ploop.format.qcow2.CommandRun;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.sim.BrokenOff;

/**
 * Every command that changes an image, on a disk that fails one of its writes or flushes: it says so, the image is the old one
 * or the new one for whoever comes next, on the same machine or after its power went, and the command can be given again.
 */
final class FailedIoLives {
    private FailedIoLives() {}

    /** One command. */
    interface Command {
        void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program) throws IOException;
    }

    /** All of them. */
    enum Kind {
        TREE(ChainOperationsCrashTest::live),
        OVERLAYS(OverlayOperationsCrashTest::live),
        GROWTH(ImageGrowthCrashTest::live),
        SHRINK(ImageShrinkCrashTest::live),
        TRIAL(TrialOverlayRun::live),
        COMPACTION(CompactionRun::onFailingDisk),
        CONVERSION(VersionConversionCrashTest::live),
        EXTENSION(ExtensionRun::live),
        REPAIR(ExpandedRepairTest::live),
        FILES(FileReplacementTest::live),
        QCOW2_REPAIR(Qcow2RepairTest::live),
        ATTACHED_GROWTH(AttachedGrowthFaultTest::live),
        ATTACHED_REPAIR(RepairFaultTest::live),
        QCOW2_RESTORE(CommandRun::restore),
        QCOW2_BITMAP(CommandRun::bitmap);

        private final Command command;

        Kind(Command command) {
            this.command = command;
        }

        void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program) throws IOException {
            command.live(random, brokenOff, program);
        }
    }

    static void shortly(Random random) throws IOException {
        BrokenOff brokenOff = random.nextInt(3) == 0 ? BrokenOff.BY_KILL : BrokenOff.BY_FAILED_IO;
        Kind.values()[random.nextInt(Kind.values().length)].live(random, brokenOff, UnaryOperator.identity());
    }
}
