package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.SimulatedDisk;

/** The tracker of a closed image goes on over changes of its tree that keep the content, and over no others. */
class TrackerBindingTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int DISK = 8 * CLUSTER;

    private final SimulatedDisk disk = new SimulatedDisk();
    private final SnapshotOperations operations = new SnapshotOperations(UUID::randomUUID);
    private UUID tracker = new UUID(0, 0);

    @BeforeEach
    void make() throws IOException {
        ChainFiles.create(disk, "root.hdd", DISK, CLUSTER);
        tracker = attachAndDetach();
    }

    private ChainFiles files() throws IOException {
        return ChainFiles.in(disk);
    }

    private UUID attachAndDetach() throws IOException {
        OwnerRecord self = new OwnerRecord(new HostIdentity("host", "boot"), 1);
        try (AttachedImage image = AttachedImage.open(
                files(), AttachedImage.Use.READ_WRITE, new KeptState(), () -> {}, true, self, UUID::randomUUID)) {
            AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
            buffer.bytes().putLong(0, System.nanoTime());
            image.write(CLUSTER, buffer, 0, CLUSTER);
            ChangedBlockTracker found = image.device().tracker();
            assertThat(found).isNotNull();
            return found.trackerId();
        }
    }

    @Test
    void itGoesOnOverSnapshotsDeletedMergedAndMade() throws IOException {
        String first = operations.create(files());
        assertThat(attachAndDetach()).isEqualTo(tracker);
        String second = operations.create(files());
        String third = operations.create(files());
        assertThat(attachAndDetach()).isEqualTo(tracker);
        operations.delete(files(), first);
        assertThat(attachAndDetach()).isEqualTo(tracker);
        operations.merge(files(), third);
        assertThat(attachAndDetach()).isEqualTo(tracker);
        operations.mergeAll(files());
        assertThat(files().links()).hasSize(1);
        assertThat(second).isNotEqualTo(third);
        assertThat(attachAndDetach()).isEqualTo(tracker);
    }

    @Test
    void itBeginsAnewWhenTheContentIsAnother() throws IOException {
        String first = operations.create(files());
        assertThat(attachAndDetach()).isEqualTo(tracker);
        operations.switchTo(files(), first);
        assertThat(attachAndDetach()).isNotEqualTo(tracker);
    }

    /** What the renewal is for: a program that makes a snapshot and knows nothing of the tracker. */
    @Test
    void withoutTheRenewalItBeginsAnew() throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(disk);
        ChainSteps.makeDelta(disk, "root.hdd.new", new DeltaGeometry(DISK, CLUSTER), ExpandedVersion.V2);
        descriptor.withSnapshot(Guid.of(new UUID(0, 7)), "root.hdd.new").store(disk);
        assertThat(attachAndDetach()).isNotEqualTo(tracker);
    }
}
