package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.DiskMap;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/** What a map says is where the data is: read there, past every map, it is what the disk reads. */
class DiskMapTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int DISK = 40 * CLUSTER;

    private final SimulatedDisk disk = new SimulatedDisk();
    private final Random random = new Random(1);

    private AttachedImage open(ChainFiles files, Use use) throws IOException {
        return AttachedImage.open(
                files, use, StateArea.inMemory(), () -> {}, false, OwnerRecord.ofCommand(), UUID::randomUUID);
    }

    private void write(ChainFiles files) throws IOException {
        try (AttachedImage image = open(files, Use.READ_WRITE)) {
            for (int i = 0; i < 12; i++) {
                int offset = random.nextInt(DISK / 512 - 64) * 512;
                image.write(offset, TestBytes.buffer(TestBytes.random(random, 32 * 512)), 0, 32 * 512);
            }
            image.discard(5 * CLUSTER, CLUSTER);
        }
    }

    private List<DiskMap.Extent> check(ChainFiles files) throws IOException {
        List<DiskMap.Extent> extents = new ArrayList<>();
        try (AttachedImage image = open(files, Use.READ_ONLY)) {
            DiskMap.visit(image.device(), extents::add);
            AlignedBuffer read = AlignedBuffer.allocate(DISK);
            image.read(0, read, 0, DISK);
            long at = 0;
            for (DiskMap.Extent extent : extents) {
                assertThat(extent.offsetBytes()).isEqualTo(at);
                at += extent.lengthBytes();
                int length = (int) extent.lengthBytes();
                byte[] content = TestBytes.bytes(read, (int) extent.offsetBytes(), length);
                if (extent.zero()) {
                    assertThat(content).containsOnly(0);
                } else {
                    try (ImageIo io = disk.open(extent.file(), OpenMode.READ_ONLY)) {
                        assertThat(TestBytes.read(io, extent.fileOffsetBytes(), length))
                                .isEqualTo(content);
                    }
                }
            }
            assertThat(at).isEqualTo(DISK);
        }
        return extents;
    }

    @Test
    void expandedLevels() throws IOException {
        ChainFiles.create(disk, "root.hds", DISK, CLUSTER);
        write(ChainFiles.in(disk));
        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.in(disk));
        write(ChainFiles.in(disk));
        List<DiskMap.Extent> extents = check(ChainFiles.in(disk));
        assertThat(extents).anyMatch(one -> one.depth() == 0 && !one.zero());
        assertThat(extents).anyMatch(one -> one.depth() == 1 && one.file().equals("root.hds"));
        assertThat(extents).anyMatch(one -> one.depth() == -1 && one.fileOffsetBytes() == -1);
    }

    @Test
    void qcow2Levels() throws IOException {
        try (ImageIo io = disk.create("disk")) {
            Qcow2Format.create(io, new DeltaGeometry(DISK, CLUSTER), CreateOptions.USUAL);
        }
        disk.sync();
        write(OverlayTree.filesIn(disk, "disk"));
        new SnapshotOperations(UUID::randomUUID).create(OverlayTree.filesIn(disk, "disk"));
        write(OverlayTree.filesIn(disk, "disk"));
        List<DiskMap.Extent> extents = check(OverlayTree.filesIn(disk, "disk"));
        assertThat(extents).anyMatch(one -> one.depth() == 0 && one.file().equals("disk"));
        assertThat(extents).anyMatch(one -> one.depth() == 1 && one.file().startsWith("disk.{"));
    }
}
