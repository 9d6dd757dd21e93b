package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.SimulatedDisk;

/** A level into which a merge is under way has the cluster size of the level that stands on it, or one header is damaged. */
final class HalfMergedOverlayTest {
    private static final String IMAGE = "root.hdd";
    private static final int CLUSTER = 32 * 1024;
    private static final int LOW_BYTE_OF_CLUSTER_BITS = 23;

    private final SimulatedDisk disk = new SimulatedDisk();

    @Test
    void anotherClusterSizeOfEitherLevelIsRefused() throws IOException {
        try (ImageIo io = disk.create(IMAGE)) {
            Qcow2Format.create(io, new DeltaGeometry(12 * CLUSTER, CLUSTER), CreateOptions.USUAL);
        }
        new SnapshotOperations(UUID::randomUUID).create(OverlayTree.filesIn(disk, IMAGE));
        String lower = OverlayTree.filesIn(disk, IMAGE).links().get(0).fileName();
        OverlayIntent.merge(lower).write(disk, IMAGE);
        requireAttaches();
        for (String file : new String[] {lower, IMAGE}) {
            flipClusterBits(file);
            assertThatThrownBy(this::requireAttaches)
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining(lower)
                    .hasMessageContaining("a merge into it is under way")
                    .hasMessageContaining("restore");
            flipClusterBits(file);
            requireAttaches();
        }
    }

    private void requireAttaches() throws IOException {
        ChainFiles files = OverlayTree.filesIn(disk, IMAGE);
        AttachedImage.tidyNames(files);
        AttachedImage image = AttachedImage.open(
                files,
                Use.READ_WRITE,
                new KeptState(),
                () -> {},
                false,
                new OwnerRecord(new HostIdentity("host-a", "boot-1"), 1),
                UUID::randomUUID);
        assertThat(image.sizeBytes()).isEqualTo(12 * CLUSTER);
        image.close();
    }

    /** Says half the cluster size, or the right one again. */
    private void flipClusterBits(String file) throws IOException {
        AlignedBuffer one = AlignedBuffer.allocate(1);
        try (ImageIo io = disk.open(file, OpenMode.READ_WRITE)) {
            io.read(LOW_BYTE_OF_CLUSTER_BITS, one, 0, 1);
            one.bytes().put(0, (byte) (one.bytes().get(0) ^ 1));
            io.write(LOW_BYTE_OF_CLUSTER_BITS, one, 0, 1);
            io.flush();
        }
    }
}
