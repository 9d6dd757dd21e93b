package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A flush acknowledged is durable; after any crash every sector holds its last durable value or a later write. A short life
 * whose power is cut after every single step, with every kind of loss; {@link PloopDeviceCrashTest} takes long ones.
 */
final class Invariant1FlushedDataIsDurableTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int SIZE = 6 * CLUSTER;
    private static final int STEPS = 40;

    @Test
    void afterEveryStepOfALife() throws IOException {
        for (int cutAfter = 1; cutAfter <= STEPS; cutAfter++) {
            for (CrashPlan.Fate fate : CrashPlan.Fate.values()) {
                live(cutAfter, CrashPlan.of(fate, new Random(cutAfter)));
            }
        }
    }

    private static void live(int steps, CrashPlan plan) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        DiskModel model = new DiskModel(SIZE);
        Chains.create(disk, "d0", new DeltaGeometry(SIZE, CLUSTER));
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
        Random random = new Random(5);
        for (int step = 0; step < steps; step++) {
            int offset = random.nextInt(SIZE / 512 - 20) * 512;
            byte[] data = new byte[(1 + random.nextInt(20)) * 512];
            if (step % 7 == 3) {
                device.discard(offset, data.length);
                model.zeroed(offset, data.length);
            } else if (step % 5 == 4) {
                long mark = model.flushBegins();
                device.flush();
                model.flushEnded(mark);
            } else {
                random.nextBytes(data);
                buffer.bytes().put(0, data);
                device.write(offset, buffer, 0, data.length);
                model.wrote(offset, data);
            }
        }
        PloopDevice after = Chains.open(disk.crash(plan), 1, OpenIntent.RECOVER, new KeptState(), null);
        model.checkAfterCrash((offset, dst) -> {
            after.read(offset, buffer, 0, dst.length);
            buffer.bytes().get(0, dst);
        });
    }
}
