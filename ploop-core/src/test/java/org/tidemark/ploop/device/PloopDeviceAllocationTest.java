package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker.ImageCondition;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** The data path allocates nothing once it is warm. */
@Timeout(300)
final class PloopDeviceAllocationTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int CLUSTERS = 64;
    private static final int WARM_UP_OPERATIONS = 60_000;
    private static final int OPERATIONS = 10_000;

    @TempDir
    Path folder;

    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);

    private interface Operation {
        void run(PloopDevice device, long offset) throws IOException;
    }

    private static double bytesPerOperation(PloopDevice device, int warmUp, Operation operation) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long me = Thread.currentThread().getId();
        run(device, warmUp, operation);
        // A compilation or a class that is loaded late may count once, not every time.
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 3 && best >= 1; round++) {
            long before = threads.getThreadAllocatedBytes(me);
            run(device, OPERATIONS, operation);
            long allocated = threads.getThreadAllocatedBytes(me) - before;
            best = Math.min(best, (double) allocated / OPERATIONS);
        }
        return best;
    }

    private static void run(PloopDevice device, int count, Operation operation) throws IOException {
        for (int i = 0; i < count; i++) {
            operation.run(device, (long) (i * 7 % CLUSTERS) * CLUSTER + (i & 7) * 4096L);
        }
    }

    @Test
    void readWriteAndFlushAllocateNothing() throws IOException {
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        Chains.create(directory, "d0", new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER));
        KeptState state = new KeptState();
        ChangedBlockTracker tracker = ChangedBlockTracker.open(
                state, (long) CLUSTERS * CLUSTER, directory, "d0.cbt", ImageCondition.CLOSED, "", UUID::randomUUID);
        PloopDevice device = Chains.open(directory, 1, OpenIntent.WRITE, state, tracker);
        buffer.putLong(0, 1);
        assertThat(bytesPerOperation(device, WARM_UP_OPERATIONS, (on, offset) -> on.write(offset, buffer, 0, 4096)))
                .as("bytes allocated by a write")
                .isLessThan(1);
        assertThat(bytesPerOperation(device, WARM_UP_OPERATIONS, (on, offset) -> on.read(offset, buffer, 0, 4096)))
                .as("bytes allocated by a read")
                .isLessThan(1);
        assertThat(bytesPerOperation(device, 2_000, (on, offset) -> on.flush()))
                .as("bytes allocated by a flush")
                .isLessThan(1);
        device.detach();
        tracker.close();
    }
}
