package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Version 1, and geometries that nobody makes any more, are written to as anything else is. */
class ExpandedVersion1Test {
    private final SimulatedDisk disk = new SimulatedDisk();

    /** An image as other programs made it. */
    record Shape(ExpandedVersion version, int clusterSectors, int firstBlockSectors, int disk) {
        ExpandedHeader header() {
            int entries = (disk + clusterSectors - 1) / clusterSectors;
            return new ExpandedHeader(version, 2, 16, 16, clusterSectors, entries, disk, 0, firstBlockSectors, 0, 0);
        }
    }

    static List<Shape> shapes() {
        return List.of(
                new Shape(ExpandedVersion.V1, 64, 64, 9000),
                new Shape(ExpandedVersion.V1, 2048, 2048, 90_000),
                new Shape(ExpandedVersion.V1, 63, 63, 9000),
                new Shape(ExpandedVersion.V1, 63, 0, 9001),
                new Shape(ExpandedVersion.V1, 504, 0, 90_000),
                new Shape(ExpandedVersion.V1, 504, 17, 90_000),
                new Shape(ExpandedVersion.V1, 192, 300, 30_000),
                new Shape(ExpandedVersion.V2, 63, 63, 9000),
                new Shape(ExpandedVersion.V2, 504, 504, 90_000),
                new Shape(ExpandedVersion.V2, 192, 192, 30_000),
                new Shape(ExpandedVersion.V2, 1, 128, 6000));
    }

    private void create(Shape shape) throws IOException {
        try (ImageIo io = disk.create("d0")) {
            AlignedBuffer head = AlignedBuffer.allocate(512);
            shape.header().encode(head, 0);
            io.truncate(shape.header().dataStartBytes());
            io.write(0, head, 0, 512);
            io.flush();
        }
        disk.sync();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void everyShapeIsWrittenAndReadBack(Shape shape) throws Exception {
        create(shape);
        Random random = new Random(shape.clusterSectors());
        long size = shape.disk() * 512L;
        DiskModel model = new DiskModel(size);
        for (int life = 0; life < 3; life++) {
            PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
            assertThat(device.sizeBytes()).isEqualTo(size);
            for (int i = 0; i < 40; i++) {
                int sectors = 1 + random.nextInt(3 * shape.clusterSectors());
                int length = (int) Math.min(sectors * 512L, size);
                long offset = random.nextInt((int) (size - length) / 512 + 1) * 512L;
                if (random.nextInt(4) == 0) {
                    device.discard(offset, length);
                    model.zeroed(offset, length);
                } else {
                    byte[] bytes = TestBytes.random(random, length);
                    device.write(offset, TestBytes.buffer(bytes), 0, length);
                    model.wrote(offset, bytes);
                }
            }
            model.checkVisible((offset, dst) -> read(device, offset, dst));
            device.detach();
            try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
                assertThat(ChainCheck.run(io).damaged()).isFalse();
                assertThat(ExpandedFormat.readHeader(io).version()).isEqualTo(shape.version());
                assertThat(ExpandedFormat.readHeader(io).firstBlockSectors()).isEqualTo(shape.firstBlockSectors());
            }
        }
    }

    private static void read(PloopDevice device, long offset, byte[] dst) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(dst.length);
        device.read(offset, buffer, 0, dst.length);
        buffer.bytes().get(0, dst);
    }

    @Test
    void entriesOfVersion1AreSectors() throws Exception {
        try (ImageIo io = disk.create("d0")) {
            new ExpandedFormat()
                    .create(io, new DeltaGeometry(64 << 20, 1 << 20), new ExpandedLayout(ExpandedVersion.V1, false));
        }
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(5 << 20, TestBytes.buffer(TestBytes.filled(512, 1)), 0, 512);
        device.write(0, TestBytes.buffer(TestBytes.filled(512, 2)), 0, 512);
        device.detach();
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            ByteBuffer bytes = ByteBuffer.wrap(TestBytes.read(io, 0, 4096)).order(ByteOrder.LITTLE_ENDIAN);
            assertThat(new String(bytes.array(), 0, 16, StandardCharsets.US_ASCII))
                    .isEqualTo("WithoutFreeSpace");
            assertThat(bytes.getInt(64)).isEqualTo(0x1000);
            assertThat(bytes.getInt(64 + 4 * 5)).isEqualTo(0x800);
        }
    }

    @Test
    void anEntryBetweenTwoClustersIsRefusedByName() throws Exception {
        create(new Shape(ExpandedVersion.V1, 64, 64, 9000));
        try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
            io.truncate(10 * 64 * 512);
            AlignedBuffer entry = AlignedBuffer.allocate(4);
            entry.putInt(0, 2 * 64 + 8);
            io.write(64 + 4 * 3, entry, 0, 4);
            assertThatThrownBy(() ->
                            new ExpandedFormat().open(io, OpenIntent.WRITE, 0, AllocationCursor.transientCursor()))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED))
                    .hasMessageContaining("sector 136");
        }
    }

    @Test
    void theUpperHalfOfTheSizeOfVersion1IsIgnored() throws Exception {
        create(new Shape(ExpandedVersion.V1, 64, 64, 9000));
        try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
            AlignedBuffer word = AlignedBuffer.allocate(4);
            word.putInt(0, 77);
            io.write(40, word, 0, 4);
            assertThat(ExpandedFormat.readHeader(io).diskSectors()).isEqualTo(9000);
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aPreallocatedImageHasAllItsRoomInOrder(ExpandedVersion version) throws Exception {
        DeltaGeometry geometry = new DeltaGeometry(100L * 32768, 32768);
        try (ImageIo io = disk.create("d0")) {
            new ExpandedFormat().create(io, geometry, new ExpandedLayout(version, true));
            assertThat(io.size()).isEqualTo(101 * 32768L);
            Delta delta = new ExpandedFormat().open(io, OpenIntent.READ, 0, AllocationCursor.transientCursor());
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
            delta.readMapPage(0, page, 0);
            for (int cluster = 0; cluster < 100; cluster++) {
                assertThat(page.getInt(4 * (16 + cluster))).isEqualTo(cluster + 1);
            }
            assertThat(ChainCheck.run(io).findings()).isEmpty();
        }
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(0, TestBytes.buffer(TestBytes.filled(512, 1)), 0, 512);
        device.detach();
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(io.size()).isEqualTo(101 * 32768L);
            assertThat(Arrays.equals(TestBytes.read(io, 32768, 512), TestBytes.filled(512, 1)))
                    .isTrue();
        }
    }

    static List<ExpandedVersion> layouts() {
        return List.of(ExpandedVersion.values());
    }

    @Test
    void whatVersion1CannotHoldIsRefused() throws Exception {
        try (ImageIo io = disk.create("d0")) {
            assertThatThrownBy(() -> new ExpandedFormat()
                            .create(
                                    io,
                                    new DeltaGeometry((2L << 40) + 512, 1 << 20),
                                    new ExpandedLayout(ExpandedVersion.V1, false)))
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining("version 2");
        }
    }
}
