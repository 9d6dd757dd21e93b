package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.FaultPlan;
import org.tidemark.ploop.sim.SimulatedDisk;

/** What is behind the last cluster when an image is closed, and used again; and what a full disk may cost then. */
class FullDiskAtCloseTest {
    private static final int CLUSTER = 32768;
    private static final int CLUSTERS = 64;
    private static final String IMAGE = "image";

    private final SimulatedDisk disk = new SimulatedDisk();

    @BeforeEach
    void create() throws IOException {
        try (ImageIo io = disk.create(IMAGE)) {
            new ExpandedFormat().create(io, new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER));
        }
        disk.sync();
    }

    private ExpandedDelta open() throws IOException {
        ExpandedDelta delta = (ExpandedDelta) new ExpandedFormat()
                .open(disk.open(IMAGE, OpenMode.READ_WRITE), OpenIntent.WRITE, 0, AllocationCursor.transientCursor());
        delta.markInUse();
        return delta;
    }

    private static List<StoredBitmap> bitmap() {
        BitSet dirty = new BitSet();
        dirty.set(0, CLUSTERS * (CLUSTER / 512));
        return List.of(new StoredBitmap(new UUID(1, 2), CLUSTERS * (CLUSTER / 512), 1, dirty));
    }

    private int write(ExpandedDelta delta, int value) throws IOException {
        int physical = delta.reserve();
        delta.overwrite(physical, 0, TestBytes.buffer(TestBytes.filled(CLUSTER, value)), 0, CLUSTER);
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
            AlignedBuffer entry = AlignedBuffer.allocate(4);
            entry.putInt(0, ExpandedFormat.readHeader(io).grid().entryOf(Integer.toUnsignedLong(physical)));
            io.write(ExpandedHeader.BYTES + 4L * value, entry, 0, 4);
        }
        return physical;
    }

    private byte[] read(long position, int length) throws IOException {
        AlignedBuffer data = AlignedBuffer.allocate(length);
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            io.read(position, data, 0, length);
        }
        byte[] bytes = new byte[length];
        data.bytes().get(0, bytes);
        return bytes;
    }

    @Test
    void aClusterHandedOutWhereTheExtensionWasReadsAsZeros() throws IOException {
        try (ExpandedDelta delta = open()) {
            write(delta, 1);
            delta.storeAtClose(bitmap());
            delta.markClosed();
            delta.markInUse();
            for (int i = 0; i < 3; i++) {
                assertThat(read(delta.filePosition(delta.reserve()), CLUSTER)).containsOnly(0);
            }
        }
    }

    @Test
    void onAFullDiskAnImageIsClosedWithoutItsBitmaps() throws IOException {
        try (ExpandedDelta delta = open()) {
            write(delta, 1);
            delta.flush();
            delta.storeAtClose(bitmap());
            disk.limitBytes(disk.usedBytes());
            delta.markClosed();
        }
        disk.limitBytes(Long.MAX_VALUE);
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            assertThat(header.inUse()).isFalse();
            assertThat(StoredBitmaps.read(io)).isEmpty();
        }
    }

    @Test
    void onAFullDiskNothingIsMovedAndNothingIsLost() throws IOException {
        try (ExpandedDelta delta = open()) {
            int hole = write(delta, 1);
            int last = write(delta, 2);
            TestBytes.write(disk.open(IMAGE, OpenMode.READ_WRITE), ExpandedHeader.BYTES + 4, new byte[4]);
            delta.release(hole);
            delta.prepareShrink();
            disk.faults().failAlways(attempt -> attempt.kind() == FaultPlan.Kind.WRITE, Errno.ENOSPC);
            assertThat(delta.shrink(Long.MAX_VALUE)).isFalse();
            disk.faults().clear();
            assertThat(read(delta.filePosition(last), CLUSTER)).containsOnly(2);
            assertThat(delta.reserve()).isEqualTo(hole);
            assertThat(read(delta.filePosition(hole), CLUSTER)).containsOnly(0);
        }
    }
}
