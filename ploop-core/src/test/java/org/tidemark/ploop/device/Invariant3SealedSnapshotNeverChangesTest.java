package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Nothing that is done to a device is ever asked of a delta below its top; the harness compares their bytes as well. */
final class Invariant3SealedSnapshotNeverChangesTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int SIZE = 8 * CLUSTER;

    @Test
    void whateverIsWrittenAbove() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
        Chains.create(disk, "d0", new DeltaGeometry(SIZE, CLUSTER));
        PloopDevice base = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        buffer.bytes().putLong(100, 1);
        base.write(0, buffer, 0, SIZE);
        base.detach();
        Chains.create(disk, "d1", new DeltaGeometry(SIZE, CLUSTER));
        // A change of the sealed file would fail, and so would the request behind it.
        disk.faults()
                .failAlways(
                        attempt -> attempt.name().equals("d0")
                                && changes(attempt.kind().name()),
                        5);
        Random random = new Random(1);
        for (int round = 0; round < 20; round++) {
            OpenIntent intent = round % 2 == 0 && round > 0 ? OpenIntent.RECOVER : OpenIntent.WRITE;
            PloopDevice device = Chains.open(disk, 2, intent, new KeptState(), null);
            for (int i = 0; i < 10; i++) {
                device.write(random.nextInt(SIZE / 512 - 8) * 512L, buffer, 0, 4096);
                device.discard(random.nextInt(SIZE / 512 - 8) * 512L, 4096);
            }
            device.flush();
            if (round % 2 == 0) {
                device.detach();
            } else {
                device.close();
            }
        }
        assertThat(disk.list()).contains("d0", "d1");
    }

    private static boolean changes(String kind) {
        return kind.equals("WRITE") || kind.equals("PUNCH") || kind.equals("TRUNCATE");
    }

    @Test
    void itsFileIsNotEvenOpenForWriting() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        Chains.create(disk, "d0", new DeltaGeometry(SIZE, CLUSTER));
        Chains.create(disk, "d1", new DeltaGeometry(SIZE, CLUSTER));
        PloopDevice device = Chains.open(disk, 2, OpenIntent.WRITE, new KeptState(), null);
        assertThat(device.deltas().get(0).writable()).isFalse();
        assertThat(device.deltas().get(0).io().writable()).isFalse();
        assertThatThrownBy(() -> device.deltas().get(0).reserve()).hasMessageContaining("reading only");
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(io.size()).isPositive();
        }
        device.detach();
    }
}
