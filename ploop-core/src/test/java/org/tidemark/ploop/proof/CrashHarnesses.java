package org.tidemark.ploop.proof;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.tidemark.ploop.chain.AttachedChainRun;
import org.tidemark.ploop.chain.AttachedImageCrashTest;
import org.tidemark.ploop.chain.AttachedOverlayRun;
import org.tidemark.ploop.chain.BitFlipRun;
import org.tidemark.ploop.chain.ChainOperationsCrashTest;
import org.tidemark.ploop.chain.ImageGrowthCrashTest;
import org.tidemark.ploop.chain.ImageShrinkCrashTest;
import org.tidemark.ploop.chain.KeptBitmapsRun;
import org.tidemark.ploop.chain.OverlayOperationsCrashTest;
import org.tidemark.ploop.chain.TrialOverlayRun;
import org.tidemark.ploop.check.ExpandedRepairTest;
import org.tidemark.ploop.device.CompactionRun;
import org.tidemark.ploop.device.CrashRun;
import org.tidemark.ploop.device.Qcow2CrashRun;
import org.tidemark.ploop.device.cbt.TrackerRun;
import org.tidemark.ploop.format.expanded.ExtensionRun;
import org.tidemark.ploop.format.expanded.VersionConversionCrashTest;
import org.tidemark.ploop.format.qcow2.CommandRun;

/**
 * Every kind of random life with crashes in it. Cheap ones have more seeds than dear ones, so that each kind takes about as
 * long as any other.
 */
public final class CrashHarnesses {
    public static final List<Harness> ALL = List.of(
            new Harness(
                    "expanded-v2",
                    "device on expanded v2, clusters of 4 KiB to 252 KiB, 1 to 3 levels",
                    24,
                    CrashRun::version2),
            new Harness(
                    "expanded-v1",
                    "device on expanded v1, clusters of 31.5 KiB to 252 KiB, misaligned data, 1 to 3 levels",
                    24,
                    CrashRun::version1),
            new Harness("raw", "device on raw, with expanded levels over it", 100, CrashRun::raw),
            new Harness(
                    "qcow2",
                    "device on qcow2 v2 and v3, all refcount widths, subclusters, lazy, compressed, backing, snapshots",
                    8,
                    Qcow2CrashRun::shortly),
            new Harness(
                    "qcow2-counts",
                    "device on qcow2 whose refcount table is full and has to grow",
                    4,
                    Qcow2CrashRun::tableGrows),
            new Harness("qcow2-restore", "going back to an internal snapshot", 10, CommandRun::restore),
            new Harness("qcow2-bitmap", "storing a persistent bitmap", 30, CommandRun::bitmap),
            new Harness(
                    "attached-image",
                    "attach, write, back up, detach, take over; increments laid over each other",
                    5,
                    AttachedImageCrashTest::shortly),
            new Harness(
                    "attached-chain",
                    "snapshots made, deleted, merged on an attached image that is written to",
                    5,
                    AttachedChainRun::shortly),
            new Harness(
                    "attached-overlay",
                    "snapshots of an attached qcow2 image made, deleted, merged while it is written to",
                    5,
                    AttachedOverlayRun::shortly),
            new Harness(
                    "overlay-operations",
                    "snapshots of a qcow2 image made, deleted, merged, switched to; a second crash during recovery",
                    10,
                    OverlayOperationsCrashTest::shortly),
            new Harness(
                    "chain-operations",
                    "snapshot create, delete, merge, switch, merge all; a second crash during recovery",
                    10,
                    ChainOperationsCrashTest::shortly),
            new Harness("resize", "making a disk larger, v1 and v2, 1 to 3 levels", 10, ImageGrowthCrashTest::shortly),
            new Harness("shrink", "making a disk smaller, v1 and v2", 10, ImageShrinkCrashTest::shortly),
            new Harness(
                    "trial",
                    "an overlay in which another program changes the disk, and of which the image gets the whole or nothing",
                    3,
                    TrialOverlayRun::shortly),
            new Harness(
                    "conversion",
                    "between versions 1 and 2 in place, and back",
                    70,
                    VersionConversionCrashTest::shortly),
            new Harness("compaction", "moving the tail into holes, cutting the file", 35, CompactionRun::shortly),
            new Harness("extension", "saving bitmaps in the format extension", 150, ExtensionRun::shortly),
            new Harness(
                    "repair",
                    "repair of an image with random faults, with its undo file, and putting it back",
                    50,
                    ExpandedRepairTest::shortly),
            new Harness(
                    "failed-io",
                    "every command on a disk that fails a write or a flush, and loses what a failed flush should write",
                    20,
                    FailedIoLives::shortly),
            new Harness(
                    "attached-failing",
                    "an attached image and its snapshots on a disk that fails writes and flushes",
                    6,
                    CrashHarnesses::attachedOnFailingDisk),
            new Harness(
                    "bit-flips",
                    "one stored bit is another one when the image is attached again: all structures of expanded and qcow2",
                    15,
                    BitFlipRun::shortly),
            new Harness(
                    "kept-bitmaps",
                    "a bitmap in the format extension over attach, write, kill, power cut, snapshots, growth, detach",
                    6,
                    KeptBitmapsRun::shortly),
            new Harness("tracker", "the changed-block tracker", 392, TrackerRun::shortly));

    static void attachedOnFailingDisk(Random random) throws IOException {
        if (random.nextBoolean()) {
            AttachedChainRun.onFailingDisk(random);
        } else {
            AttachedOverlayRun.onFailingDisk(random);
        }
    }

    private CrashHarnesses() {}
}
