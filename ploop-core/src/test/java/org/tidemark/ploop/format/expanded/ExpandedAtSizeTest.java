package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** 16 TiB open at once, whatever the cluster size, and what the large table says is still never believed unseen. */
@Timeout(120)
class ExpandedAtSizeTest {
    private static final long DISK = 16L << 40;
    /** Beside a table that lies in the first cluster as a whole; the largest has 2 GiB. */
    private static final long MOST_READ_BYTES = 2L << 20;

    @TempDir
    Path folder;

    /** As the product makes it, but with a hole for a table: 2 GiB of zeros tell nothing more. */
    private void create(int clusterBytes) throws IOException {
        try (ImageIo io = new VfsImageDirectory(folder).create("d0")) {
            ExpandedHeader header = ExpandedHeader.fresh(ExpandedVersion.V2, new DeltaGeometry(DISK, clusterBytes));
            AlignedBuffer page = AlignedBuffer.allocate(4096);
            header.encode(page, 0);
            io.write(0, page, 0, 4096);
            io.truncate(header.dataStartBytes());
        }
    }

    /** What this thread, and no scan behind it, asked of the system's read calls so far. */
    private static long bytesRead() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/thread-self/io"))) {
            return lines.filter(line -> line.startsWith("rchar: "))
                    .mapToLong(line -> Long.parseLong(line.substring(7)))
                    .sum();
        }
    }

    private static long offHeapBytes() {
        return java.lang.management.ManagementFactory.getPlatformMXBeans(java.lang.management.BufferPoolMXBean.class)
                .stream()
                .mapToLong(java.lang.management.BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    @ParameterizedTest
    @ValueSource(ints = {32 << 10, 256 << 10, 1 << 20, 64 << 20})
    void opensForReadingAndWritingWithoutReadingALargeTable(int clusterBytes) throws Exception {
        create(clusterBytes);
        Path area = Files.createDirectory(folder.resolve("area"));
        for (OpenIntent intent : new OpenIntent[] {OpenIntent.READ, OpenIntent.WRITE}) {
            long before = offHeapBytes();
            long readBefore = bytesRead();
            long start = System.nanoTime();
            try (StateArea state = TmpfsStateArea.create(area.resolve(intent.name()))) {
                PloopDevice device = Chains.open(new VfsImageDirectory(folder), 1, intent, state, null);
                AlignedBuffer data = AlignedBuffer.allocate(4096);
                device.read(DISK - 4096, data, 0, 4096);
                long millis = (System.nanoTime() - start) / 1_000_000;
                long memory = offHeapBytes() - before;
                long read = bytesRead() - readBefore;
                System.out.println(clusterBytes / 1024 + " KiB clusters, " + intent + ": " + millis + " ms, "
                        + (memory >> 20) + " MiB mapped or off-heap, " + (read >> 10) + " KiB read");
                assertThat(data.isZero(0, 4096)).isTrue();
                assertThat(read).isLessThan(clusterBytes + MOST_READ_BYTES);
                assertThat(memory).isLessThan(64L << 20);
                device.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {32 << 10, 1 << 20})
    void isWrittenAnywhereAndReadBack(int clusterBytes) throws Exception {
        create(clusterBytes);
        long[] places = {0, 5L << 30, DISK / 2 + 8192, DISK - 4096};
        PloopDevice device = Chains.open(new VfsImageDirectory(folder), 1, OpenIntent.WRITE, new KeptState(), null);
        for (int i = 0; i < places.length; i++) {
            device.write(places[i], TestBytes.buffer(TestBytes.filled(4096, i + 1)), 0, 4096);
        }
        device.detach();
        device = Chains.open(new VfsImageDirectory(folder), 1, OpenIntent.WRITE, new KeptState(), null);
        AlignedBuffer data = AlignedBuffer.allocate(4096);
        for (int i = 0; i < places.length; i++) {
            device.read(places[i], data, 0, 4096);
            assertThat(TestBytes.bytes(data, 0, 4096)).containsOnly(i + 1);
        }
        device.detach();
    }

    /** The table of 2 GiB is not read when the image is opened, so that the damage at its end is found before a change. */
    @Test
    void aFileThatIsCutOffGetsNoNewCluster() throws Exception {
        create(32 << 10);
        Path file = folder.resolve("d0");
        long lastCluster = DISK / 32768 - 1;
        try (ImageIo io = new VfsImageDirectory(folder).open("d0", OpenMode.READ_WRITE)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            AlignedBuffer entry = AlignedBuffer.allocate(4);
            entry.putInt(0, (int) header.firstDataCluster() + 3);
            io.write(64 + 4 * lastCluster, entry, 0, 4);
            io.truncate(header.dataStartBytes() + 2 * 32768);
        }
        long size = Files.size(file);
        try (ImageIo io = new VfsImageDirectory(folder).open("d0", OpenMode.READ_WRITE)) {
            Delta delta = new ExpandedFormat().open(io, OpenIntent.WRITE, 0, AllocationCursor.transientCursor());
            delta.markInUse();
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
            delta.readMapPage(0, page, 0);
            for (int attempt = 0; attempt < 2; attempt++) {
                assertThatThrownBy(delta::reserve)
                        .isInstanceOfSatisfying(
                                ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED))
                        .hasMessageContaining("cluster " + lastCluster);
            }
            assertThat(delta.releases()).isFalse();
            assertThatThrownBy(() -> delta.readMapPage((lastCluster + 16) / 1024, page, 0))
                    .isInstanceOf(ImageException.class);
            delta.markClosed();
            assertThat(Files.size(file)).isEqualTo(size);
            assertThat(ExpandedFormat.readHeader(io).inUse()).isFalse();
        }
    }
}
