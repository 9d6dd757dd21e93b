package org.tidemark.ploop.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.ploop.format.Delta.NOT_ALLOCATED;
import static org.tidemark.ploop.format.Delta.PAGE_BYTES;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** What every {@link Delta} does, and every {@link DeltaFormat} that makes one. */
public abstract class AbstractDeltaContract {
    /** Ends within a cluster, and its table takes three map pages. */
    private static final DeltaGeometry GEOMETRY = new DeltaGeometry(2100L * 32768 + 512, 32768);

    private ImageDirectory directory;
    private DeltaFormat format;

    /** An empty folder. */
    protected abstract ImageDirectory newDirectory() throws IOException;

    protected abstract DeltaFormat newFormat();

    @BeforeEach
    void createImage() throws IOException {
        directory = newDirectory();
        format = newFormat();
        try (ImageIo io = directory.create("image")) {
            format.create(io, GEOMETRY);
        }
    }

    private Delta open(OpenIntent intent) throws IOException {
        OpenMode mode = intent == OpenIntent.READ ? OpenMode.READ_ONLY : OpenMode.READ_WRITE;
        return format.open(
                directory.open("image", mode), intent, GEOMETRY.clusterSizeBytes(), AllocationCursor.transientCursor());
    }

    private static AlignedBuffer page(Delta delta, long page) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(PAGE_BYTES);
        delta.readMapPage(page, buffer, 0);
        return buffer;
    }

    private static int entry(Delta delta, long cluster) throws IOException {
        long at = cluster + Delta.PAGE_SHIFT_CLUSTERS;
        return page(delta, at / Delta.PAGE_CLUSTERS).getInt((int) (at % Delta.PAGE_CLUSTERS) * 4);
    }

    /** Gives the cluster a place, in the order a device keeps: data, flush, map, flush. */
    private static int allocate(Delta delta, long cluster, byte[] data) throws IOException {
        if (delta.identityMapped()) {
            int length = (int) Math.min(data.length, GEOMETRY.diskSizeBytes() - cluster * GEOMETRY.clusterSizeBytes());
            delta.overwrite((int) cluster, 0, TestBytes.buffer(data), 0, length);
            delta.flush();
            return (int) cluster;
        }
        int physical = delta.reserve();
        delta.overwrite(physical, 0, TestBytes.buffer(data), 0, data.length);
        delta.flush();
        long at = cluster + Delta.PAGE_SHIFT_CLUSTERS;
        AlignedBuffer page = page(delta, at / Delta.PAGE_CLUSTERS);
        page.putInt((int) (at % Delta.PAGE_CLUSTERS) * 4, physical);
        delta.writeMapPage(at / Delta.PAGE_CLUSTERS, page, 0);
        delta.flush();
        return physical;
    }

    private static byte[] content(Delta delta, long cluster, int length) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(length);
        int physical = entry(delta, cluster);
        if (physical != NOT_ALLOCATED) {
            delta.read(physical, 0, buffer, 0, length);
        }
        return TestBytes.bytes(buffer, 0, length);
    }

    @Test
    void itsShapeIsWhatWasAskedFor() throws IOException {
        try (Delta delta = open(OpenIntent.READ)) {
            assertThat(delta.geometry()).isEqualTo(GEOMETRY);
            assertThat(delta.format()).isEqualTo(format.id());
            assertThat(delta.writable()).isFalse();
            assertThat(format.probe(delta.io())).isTrue();
        }
    }

    @Test
    void slotsOutsideTheDiskAreNotAllocated() throws IOException {
        try (Delta delta = open(OpenIntent.READ)) {
            AlignedBuffer first = page(delta, 0);
            for (int slot = 0; slot < Delta.PAGE_SHIFT_CLUSTERS; slot++) {
                assertThat(first.getInt(slot * 4)).isEqualTo(NOT_ALLOCATED);
            }
            AlignedBuffer last = page(delta, 2);
            int end = (int) (GEOMETRY.clusters() + Delta.PAGE_SHIFT_CLUSTERS - 2 * Delta.PAGE_CLUSTERS);
            for (int slot = end; slot < Delta.PAGE_CLUSTERS; slot++) {
                assertThat(last.getInt(slot * 4)).isEqualTo(NOT_ALLOCATED);
            }
        }
    }

    @Test
    void dataComesBackAfterACleanClose() throws IOException {
        Random random = new Random(7);
        long[] clusters = {0, 5, 1007, 1008, 2031, 2032, 2099};
        byte[][] data = new byte[clusters.length][];
        try (Delta delta = open(OpenIntent.WRITE)) {
            delta.markInUse();
            for (int i = 0; i < clusters.length; i++) {
                data[i] = TestBytes.random(random, GEOMETRY.clusterSizeBytes());
                allocate(delta, clusters[i], data[i]);
            }
            delta.markClosed();
        }
        for (OpenIntent intent : new OpenIntent[] {OpenIntent.READ, OpenIntent.WRITE}) {
            try (Delta delta = open(intent)) {
                for (int i = 0; i < clusters.length; i++) {
                    assertThat(content(delta, clusters[i], GEOMETRY.clusterSizeBytes()))
                            .isEqualTo(data[i]);
                }
                assertThat(content(delta, 6, GEOMETRY.clusterSizeBytes())).containsOnly(0);
            }
        }
    }

    @Test
    void theLastClusterIsOnlyPartlyOnTheDisk() throws IOException {
        try (Delta delta = open(OpenIntent.WRITE)) {
            delta.markInUse();
            allocate(delta, 2100, TestBytes.filled(512, 3));
            delta.markClosed();
        }
        try (Delta delta = open(OpenIntent.READ)) {
            byte[] whole = content(delta, 2100, GEOMETRY.clusterSizeBytes());
            assertThat(java.util.Arrays.copyOf(whole, 512)).containsOnly(3);
            assertThat(java.util.Arrays.copyOfRange(whole, 512, whole.length)).containsOnly(0);
        }
    }

    @Test
    void punchedPartsReadAsZerosToTheByte() throws IOException {
        try (Delta delta = open(OpenIntent.WRITE)) {
            delta.markInUse();
            int physical = allocate(delta, 3, TestBytes.filled(32768, 8));
            delta.punch(physical, 513, 9000);
            byte[] expected = TestBytes.filled(32768, 8);
            java.util.Arrays.fill(expected, 513, 9513, (byte) 0);
            assertThat(content(delta, 3, 32768)).isEqualTo(expected);
            boolean[] data = new boolean[32768];
            delta.dataExtents(physical, 0, 32768, (at, length) -> {
                for (long i = at; i < at + length; i++) {
                    data[(int) i] = true;
                }
            });
            for (int i = 0; i < data.length; i++) {
                assertThat(data[i] || expected[i] == 0).isTrue();
            }
        }
    }

    @Test
    void whatIsReservedReadsAsZeros() throws IOException {
        try (Delta delta = open(OpenIntent.WRITE)) {
            if (delta.identityMapped()) {
                assertThatThrownBy(delta::reserve).isInstanceOf(IllegalStateException.class);
                return;
            }
            delta.markInUse();
            int first = delta.reserve();
            int second = delta.reserve();
            int third = delta.reserve();
            assertThat(new int[] {first, second, third}).doesNotHaveDuplicates();
            for (int physical : new int[] {first, second, third}) {
                delta.overwrite(physical, 0, TestBytes.buffer(TestBytes.filled(32768, 1)), 0, 32768);
            }
            delta.unreserve(second);
            delta.unreserve(third);
            int[] again = {delta.reserve(), delta.reserve(), delta.reserve()};
            assertThat(again).doesNotHaveDuplicates().doesNotContain(first).contains(second, third);
            for (int physical : again) {
                AlignedBuffer buffer = AlignedBuffer.allocate(32768);
                delta.read(physical, 0, buffer, 0, 32768);
                assertThat(buffer.isZero(0, 32768)).isTrue();
            }
        }
    }

    @Test
    void openForReadingRefusesChanges() throws IOException {
        try (Delta delta = open(OpenIntent.READ)) {
            AlignedBuffer buffer = AlignedBuffer.allocate(PAGE_BYTES);
            int cluster = delta.identityMapped() ? 0 : 100_000;
            assertThatThrownBy(() -> delta.overwrite(cluster, 0, buffer, 0, 512))
                    .isInstanceOf(ImageException.class);
            assertThatThrownBy(() -> delta.punch(cluster, 0, 512)).isInstanceOf(ImageException.class);
        }
        ImageIo readOnly = directory.open("image", OpenMode.READ_ONLY);
        assertThatThrownBy(() -> format.open(readOnly, OpenIntent.WRITE, 32768, AllocationCursor.transientCursor()))
                .isInstanceOf(ImageException.class);
        readOnly.close();
    }

    @Test
    void rangesOutsideAClusterAreRefused() throws IOException {
        try (Delta delta = open(OpenIntent.WRITE)) {
            delta.markInUse();
            int physical = allocate(delta, 0, TestBytes.filled(512, 1));
            AlignedBuffer buffer = AlignedBuffer.allocate(65536);
            assertThatThrownBy(() -> delta.read(physical, 512, buffer, 0, 32768))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> delta.overwrite(physical, -1, buffer, 0, 512))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> delta.read(NOT_ALLOCATED, 0, buffer, 0, 512))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
