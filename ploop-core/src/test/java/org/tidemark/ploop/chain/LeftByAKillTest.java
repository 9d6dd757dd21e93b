package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.ChainRepair;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * The process that serves a qcow2 image is killed at any of its changes, and a successor goes on: which clusters belong to
 * nothing afterwards, for how long, and who takes them back.
 */
@Timeout(120)
final class LeftByAKillTest {
    private static final String IMAGE = "disk";
    private static final int CLUSTER = 32 * 1024;
    private static final int CLUSTERS = 30;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    private final AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);

    private interface Work {
        void on(AttachedImage image) throws IOException;
    }

    private static AttachedImage attach(ImageDirectory folder, Use use, KeptState area) throws IOException {
        AttachedImage.tidyNames(OverlayTree.filesIn(folder, IMAGE));
        return AttachedImage.open(
                OverlayTree.filesIn(folder, IMAGE),
                use,
                area,
                () -> {},
                true,
                new OwnerRecord(HOST, 1),
                UUID::randomUUID);
    }

    private void write(AttachedImage image, int from, int end) throws IOException {
        for (int cluster = from; cluster < end; cluster++) {
            byte[] data = new byte[CLUSTER];
            new Random(cluster).nextBytes(data);
            buffer.bytes().put(0, data);
            image.write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
        }
    }

    /** Whatever cluster was written holds what was written to it, by whoever. */
    private void requireContent(AttachedImage image, int end) throws IOException {
        byte[] found = new byte[CLUSTER];
        for (int cluster = 0; cluster < end; cluster++) {
            byte[] data = new byte[CLUSTER];
            new Random(cluster).nextBytes(data);
            image.read((long) cluster * CLUSTER, buffer, 0, CLUSTER);
            buffer.bytes().get(0, found);
            assertThat(found).as("cluster " + cluster).isEqualTo(data);
        }
    }

    private SimulatedDisk made(int snapshots) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create(IMAGE)) {
            Qcow2Format.create(io, new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER), CreateOptions.USUAL);
        }
        disk.sync();
        try (AttachedImage image = attach(disk, Use.READ_WRITE, new KeptState())) {
            write(image, 0, 10);
            for (int i = 0; i < snapshots; i++) {
                try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
                    change.operations().create(image.files());
                }
                write(image, 5 + 5 * i, 15 + 5 * i);
            }
        }
        return disk;
    }

    private static void mergeAll(AttachedImage image) throws IOException {
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            change.operations().mergeAll(image.files());
        }
    }

    private static List<Finding> findings(SimulatedDisk disk) throws IOException {
        return ChainCheck.run(OverlayTree.filesIn(disk, IMAGE)).findings();
    }

    /** What is found after each kill once the successor did its work and closed the image; the content is checked. */
    private List<List<Finding>> killedAnywhere(int snapshots, int written, Work work, Work ofSuccessor)
            throws IOException {
        SimulatedDisk base = made(snapshots);
        List<List<Finding>> found = new ArrayList<>();
        boolean killed = true;
        for (int kill = 0; killed; kill++) {
            SimulatedDisk disk = base.twin();
            MortalDirectory mortal = new MortalDirectory(disk);
            KeptState area = new KeptState();
            AttachedImage image = attach(mortal, Use.READ_WRITE, area);
            mortal.killAfter(kill);
            killed = false;
            try {
                work.on(image);
            } catch (Killed e) {
                killed = true;
            }
            try (AttachedImage next = attach(disk, Use.TAKE_OVER, area.successor())) {
                ofSuccessor.on(next);
                requireContent(next, written);
            }
            found.add(findings(disk));
            ChainRepair.run(OverlayTree.filesIn(disk, IMAGE));
            assertThat(findings(disk)).as("after a repair").isEmpty();
            try (AttachedImage last = attach(disk, Use.READ_WRITE, new KeptState())) {
                requireContent(last, written);
            }
        }
        return found;
    }

    /** The cluster that was handed out for a write under way is taken back when the successor closes the image. */
    @Test
    void aWriteUnderWayLeavesNothing() throws IOException {
        for (int snapshots = 0; snapshots < 2; snapshots++) {
            int first = 10 + 5 * snapshots;
            Work work = image -> {
                write(image, first, 22);
                image.flush();
                write(image, 22, 24);
                image.flush();
            };
            List<List<Finding>> found = killedAnywhere(snapshots, 24, work, image -> write(image, first, 24));
            assertThat(found).hasSizeGreaterThan(10).allSatisfy(one -> assertThat(one)
                    .isEmpty());
        }
    }

    /** The control: one that is not closed by a successor, but killed as well and opened by nobody, has leaked clusters. */
    @Test
    void withoutThatAClusterIsLeaked() throws IOException {
        SimulatedDisk base = made(1);
        int leaked = 0;
        for (int kill = 0; kill < 20; kill++) {
            SimulatedDisk disk = base.twin();
            MortalDirectory mortal = new MortalDirectory(disk);
            AttachedImage image = attach(mortal, Use.READ_WRITE, new KeptState());
            mortal.killAfter(kill);
            try {
                write(image, 15, 24);
            } catch (Killed e) {
                leaked += findings(disk).stream().anyMatch(one -> one instanceof Finding.LeakedClusters) ? 1 : 0;
            }
        }
        assertThat(leaked).isGreaterThan(5);
    }

    /**
     * A merge that was broken off leaves what was counted ahead in the level it wrote into, which stays marked in use. Whoever
     * finishes the merge counts anew.
     */
    @Test
    void aMergeLeavesNothingWhenItIsFinished() throws IOException {
        List<List<Finding>> halfWay = killedAnywhere(2, 20, LeftByAKillTest::mergeAll, image -> {});
        assertThat(halfWay)
                .anySatisfy(one -> assertThat(one).anyMatch(finding -> finding instanceof Finding.LeakedClusters));
        assertThat(halfWay).allSatisfy(one -> assertThat(one)
                .allMatch(finding ->
                        finding instanceof Finding.LeakedClusters || finding instanceof Finding.MarkedInUse));
        // Not the clusters of the level that is written to.
        assertThat(halfWay.stream().flatMap(List::stream))
                .noneMatch(finding -> finding.describe().startsWith(IMAGE + ":"));
        assertThat(killedAnywhere(2, 20, LeftByAKillTest::mergeAll, LeftByAKillTest::mergeAll))
                .allSatisfy(one -> assertThat(one).isEmpty());
    }
}
