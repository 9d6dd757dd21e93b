package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** The data path of qcow2 images allocates nothing once it is warm, compressed, shared and zero clusters included. */
@Timeout(300)
final class Qcow2AllocationTest {
    private static final int OPERATIONS = 10_000;

    @TempDir
    Path folder;

    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);

    private interface Operation {
        void run(BlockDevice device, long offset) throws IOException;
    }

    private static double bytesPerOperation(BlockDevice device, int warmUp, Operation operation) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long me = Thread.currentThread().getId();
        run(device, warmUp, operation);
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 3 && best >= 1; round++) {
            long before = threads.getThreadAllocatedBytes(me);
            run(device, OPERATIONS, operation);
            best = Math.min(best, (double) (threads.getThreadAllocatedBytes(me) - before) / OPERATIONS);
        }
        return best;
    }

    private static void run(BlockDevice device, int count, Operation operation) throws IOException {
        for (int i = 0; i < count; i++) {
            operation.run(device, i * 7 % 256 * 4096L);
        }
    }

    @Test
    void readWriteAndFlushAllocateNothing() throws IOException {
        for (String name : new String[] {"v3-zlib", "v3-zstd", "v2-snapshots"}) {
            Golden.put(new VfsImageDirectory(folder), name + ".qcow2", name);
            ChainFiles files = ChainFiles.at(folder.resolve(name), VfsImageDirectory::new);
            try (DeviceBytes disk = DeviceBytes.open(files, Use.READ_WRITE)) {
                BlockDevice device = disk.device();
                assertThat(bytesPerOperation(device, 20_000, (on, offset) -> on.read(offset, buffer, 0, 4096)))
                        .as("bytes allocated by a read, " + name)
                        .isLessThan(1);
                assertThat(bytesPerOperation(device, 20_000, (on, offset) -> on.write(offset, buffer, 0, 4096)))
                        .as("bytes allocated by a write, " + name)
                        .isLessThan(1);
                assertThat(bytesPerOperation(device, 2000, (on, offset) -> on.flush()))
                        .as("bytes allocated by a flush, " + name)
                        .isLessThan(1);
            }
        }
    }
}
