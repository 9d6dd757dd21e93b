package org.tidemark.ploop.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/** The watch must catch the wrong order, and let the right one pass. */
class OrderCheckedTest {
    private static final int CLUSTER = 32768;
    private final SimulatedDisk disk = new SimulatedDisk();
    private Delta delta;
    private int physical;

    @BeforeEach
    void open() throws IOException {
        try (ImageIo io = disk.create("image")) {
            new ExpandedFormat().create(io, new DeltaGeometry(64L * CLUSTER, CLUSTER));
        }
        delta = new ExpandedFormat()
                .open(
                        new OrderCheckedDirectory(disk).open("image", OpenMode.READ_WRITE),
                        OpenIntent.WRITE,
                        0,
                        AllocationCursor.transientCursor());
        delta.markInUse();
        physical = delta.reserve();
    }

    private void writeData() throws IOException {
        delta.overwrite(physical, 0, TestBytes.buffer(TestBytes.filled(CLUSTER, 1)), 0, CLUSTER);
    }

    private void writeMap() throws IOException {
        AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        delta.readMapPage(0, page, 0);
        page.putInt(Delta.PAGE_SHIFT_CLUSTERS * 4, physical);
        delta.writeMapPage(0, page, 0);
    }

    @Test
    void theRightOrderPasses() throws IOException {
        writeData();
        delta.flush();
        writeData();
        writeMap();
        delta.flush();
        assertThat(physical).isPositive();
    }

    @Test
    void theMapBeforeTheFlushIsCaught() throws IOException {
        writeData();
        assertThatThrownBy(this::writeMap).isInstanceOf(AssertionError.class).hasMessageContaining("not flushed");
    }

    @Test
    void theMapBeforeTheSizeIsCaught() {
        assertThatThrownBy(this::writeMap).isInstanceOf(AssertionError.class).hasMessageContaining("beyond the size");
    }
}
