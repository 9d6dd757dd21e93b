package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.sim.FaultPlan;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Handing out clusters: by several threads, without space, without garbage for the collector. */
class ExpandedAllocationTest {
    private static final int CLUSTER = 32768;

    @TempDir
    Path folder;

    private final AllocationCursor cursor = AllocationCursor.transientCursor();

    private Delta open(ImageDirectory directory) throws IOException {
        try (ImageIo io = directory.create("image")) {
            new ExpandedFormat().create(io, new DeltaGeometry(10_000L * CLUSTER, CLUSTER));
        }
        Delta delta =
                new ExpandedFormat().open(directory.open("image", OpenMode.READ_WRITE), OpenIntent.WRITE, 0, cursor);
        delta.markInUse();
        return delta;
    }

    @Test
    void threadsNeverGetTheSameCluster() throws Exception {
        Set<Integer> held = ConcurrentHashMap.newKeySet();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try (Delta delta = open(new VfsImageDirectory(folder))) {
            List<Future<?>> results = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                int gives = thread;
                results.add(pool.submit(() -> {
                    for (int i = 0; i < 500; i++) {
                        int physical = delta.reserve();
                        assertThat(held.add(physical)).isTrue();
                        if ((i + gives) % 3 == 0) {
                            held.remove(physical);
                            delta.unreserve(physical);
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> result : results) {
                result.get();
            }
            assertThat(cursor.get()).isLessThan(2000);
            assertThat(held).allMatch(physical -> physical < cursor.get());
        } finally {
            pool.shutdownNow();
        }
    }

    @Test
    void withoutSpaceNothingIsHandedOutAndNothingIsLost() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (Delta delta = open(disk)) {
            long before = cursor.get();
            disk.faults().failAlways(attempt -> attempt.kind() == FaultPlan.Kind.TRUNCATE, Errno.ENOSPC);
            assertNoSpace(delta::reserve);
            assertThat(cursor.get()).isEqualTo(before);
            disk.faults().clear();
            int physical = delta.reserve();
            disk.limitBytes(disk.usedBytes() + 4096);
            AlignedBuffer data = TestBytes.buffer(TestBytes.filled(CLUSTER, 1));
            assertNoSpace(() -> delta.overwrite(physical, 0, data, 0, CLUSTER));
            delta.unreserve(physical);
            assertThat(cursor.get()).isEqualTo(before);
            disk.limitBytes(Long.MAX_VALUE);
            assertThat(delta.reserve()).isEqualTo(physical);
            delta.overwrite(physical, 0, data, 0, CLUSTER);
            delta.markClosed();
        }
    }

    @Test
    void nearALimitOneClusterStillFits() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (Delta delta = open(disk)) {
            disk.faults()
                    .failAlways(
                            attempt -> attempt.kind() == FaultPlan.Kind.TRUNCATE && attempt.position() > 8L * CLUSTER,
                            Errno.EFBIG);
            for (long next = cursor.get(); next < 8; next++) {
                assertThat(delta.reserve()).isEqualTo((int) next);
            }
            assertThatThrownBy(delta::reserve).isInstanceOf(OsException.class);
        }
    }

    private static void assertNoSpace(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(OsException.class, e -> assertThat(e.errno())
                .isEqualTo(Errno.ENOSPC));
    }

    @Test
    void theDataPathAllocatesNothingThroughThePageCache() throws IOException {
        requireNoGarbage(new VfsImageDirectory(folder));
    }

    @Test
    void theDataPathAllocatesNothingWithDirectIo() throws IOException {
        requireNoGarbage(new DirectImageDirectory(folder));
    }

    private void requireNoGarbage(ImageDirectory directory) throws IOException {
        try (Delta delta = open(directory)) {
            AlignedBuffer buffer = AlignedBuffer.allocate(4096);
            int first = delta.reserve();
            com.sun.management.ThreadMXBean threads =
                    (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
            long before = 0;
            int measured = 500;
            for (int i = 0; i < 3000 + measured; i++) {
                if (i == 3000) {
                    before = threads.getCurrentThreadAllocatedBytes();
                }
                delta.overwrite(first, 4096, buffer, 0, 4096);
                delta.read(first, 0, buffer, 0, 4096);
                delta.punch(first, 8192, 4096);
                delta.reserve();
            }
            long garbage = threads.getCurrentThreadAllocatedBytes() - before;
            assertThat(garbage / measured).as("bytes for each round").isLessThan(8);
        }
    }
}
