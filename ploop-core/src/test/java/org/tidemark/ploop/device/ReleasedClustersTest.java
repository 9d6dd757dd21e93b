package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.FaultPlan;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Whole clusters that were discarded are used again, the file gets smaller, and nobody ever sees what was in them. */
@Timeout(60)
class ReleasedClustersTest {
    private static final int CLUSTER = 32768;

    private final SimulatedDisk disk = new SimulatedDisk();
    private KeptState state = new KeptState();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);

    @BeforeEach
    void create() throws IOException {
        Chains.create(disk, "d0", new DeltaGeometry(200L * CLUSTER, CLUSTER));
    }

    private PloopDevice open(OpenIntent intent) throws IOException {
        return Chains.open(disk, 1, intent, state, null);
    }

    private void fill(PloopDevice device, int cluster, int value) throws IOException {
        byte[] bytes = TestBytes.filled(CLUSTER, value);
        buffer.bytes().put(0, bytes);
        device.write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
    }

    private static void requireFilled(PloopDevice device, int cluster, int value) throws IOException {
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTER);
        device.read((long) cluster * CLUSTER, found, 0, CLUSTER);
        assertThat(TestBytes.bytes(found, 0, CLUSTER)).as("cluster " + cluster).containsOnly(value);
    }

    private long size() throws IOException {
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            return io.size();
        }
    }

    private void requireClean() throws IOException {
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings()).isEmpty();
        }
    }

    @Test
    void aDiscardedClusterIsUsedAgainAfterTheFlush() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        for (int cluster = 0; cluster < 10; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.flush();
        device.discard(3L * CLUSTER, 4L * CLUSTER);
        fill(device, 20, 21);
        device.flush();
        for (int cluster = 21; cluster < 25; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.detach();
        assertThat(size())
                .as("10 + 1 before the flush, none after it, one hole filled from the end")
                .isEqualTo(12L * CLUSTER);
        requireClean();
        device = open(OpenIntent.WRITE);
        for (int cluster = 3; cluster < 7; cluster++) {
            requireFilled(device, cluster, 0);
        }
        for (int cluster = 20; cluster < 25; cluster++) {
            requireFilled(device, cluster, cluster + 1);
        }
        device.detach();
    }

    @Test
    void theFileShrinksWhenItIsClosedAndTheRestIsWhatItWas() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        for (int cluster = 0; cluster < 100; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.detach();
        assertThat(size()).isEqualTo(101L * CLUSTER);
        state = new KeptState();
        device = open(OpenIntent.WRITE);
        device.discard(10L * CLUSTER, 60L * CLUSTER);
        device.detach();
        assertThat(size()).isEqualTo(41L * CLUSTER);
        requireClean();
        state = new KeptState();
        device = open(OpenIntent.WRITE);
        for (int cluster = 0; cluster < 100; cluster++) {
            requireFilled(device, cluster, cluster >= 10 && cluster < 70 ? 0 : cluster + 1);
        }
        device.discard(0, 200L * CLUSTER);
        device.detach();
        assertThat(size()).as("nothing but header and table").isEqualTo(CLUSTER);
        requireClean();
    }

    /** The successor of a process that was killed after it had moved clusters and before it cut the file. */
    @Test
    void whatWasMovedAwayIsNotSeenBehindTheNewEnd() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        for (int cluster = 0; cluster < 20; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.flush();
        device.discard(0, 5L * CLUSTER);
        device.flush();
        disk.faults().failAlways(attempt -> attempt.kind() == FaultPlan.Kind.TRUNCATE, Errno.EIO);
        assertThatThrownBy(device::detach).isInstanceOf(IOException.class);
        disk.faults().clear();
        KeptState left = state.successor();
        left.region("device", 4096).putInt(0, 0);
        state = left;
        device = open(OpenIntent.TAKE_OVER);
        buffer.bytes().put(0, TestBytes.filled(512, 7));
        device.write(100L * CLUSTER, buffer, 0, 512);
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTER);
        device.read(100L * CLUSTER, found, 0, CLUSTER);
        assertThat(found.isZero(512, CLUSTER - 512)).isTrue();
        for (int cluster = 5; cluster < 20; cluster++) {
            requireFilled(device, cluster, cluster + 1);
        }
        device.detach();
        requireClean();
    }

    @Test
    void aPartOfAReusedClusterReadsAsZerosAroundWhatWasWritten() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        fill(device, 0, 0xEE);
        device.flush();
        device.discard(0, CLUSTER);
        device.flush();
        buffer.bytes().put(0, TestBytes.filled(512, 7));
        device.write(5L * CLUSTER + 1024, buffer, 0, 512);
        byte[] expected = new byte[CLUSTER];
        Arrays.fill(expected, 1024, 1536, (byte) 7);
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTER);
        device.read(5L * CLUSTER, found, 0, CLUSTER);
        assertThat(TestBytes.bytes(found, 0, CLUSTER)).isEqualTo(expected);
        device.detach();
        assertThat(size()).isEqualTo(2L * CLUSTER);
    }

    @Test
    void whatWasDiscardedStaysSoForASuccessor() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        fill(device, 0, 1);
        fill(device, 1, 2);
        device.flush();
        device.discard(0, CLUSTER);
        // Killed: the table in the file still names the cluster.
        state = state.successor();
        device = open(OpenIntent.TAKE_OVER);
        requireFilled(device, 0, 0);
        fill(device, 2, 3);
        device.flush();
        state = state.successor();
        device = open(OpenIntent.TAKE_OVER);
        requireFilled(device, 0, 0);
        requireFilled(device, 1, 2);
        requireFilled(device, 2, 3);
        device.detach();
        state = new KeptState();
        open(OpenIntent.WRITE).detach();
    }

    @Test
    void aSuccessorFillsTheHolesOfItsPredecessor() throws IOException {
        PloopDevice device = open(OpenIntent.WRITE);
        for (int cluster = 0; cluster < 10; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.discard(0, 5L * CLUSTER);
        device.flush();
        state = state.successor();
        device = open(OpenIntent.TAKE_OVER);
        for (int cluster = 20; cluster < 25; cluster++) {
            fill(device, cluster, cluster + 1);
        }
        device.detach();
        assertThat(size()).isEqualTo(11L * CLUSTER);
        requireClean();
    }

    /** A reader that found the cluster before it was discarded still has it while others fill the file. */
    @Test
    void aReaderUnderWayNeverSeesWhatOthersWriteIntoItsCluster() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        UnaryOperator<Delta> slow = delta -> new ForwardingDelta(delta) {
            @Override
            public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
                    throws IOException {
                if (Thread.currentThread().getName().equals("slow reader")) {
                    reading.countDown();
                    await(goOn);
                }
                super.read(physicalCluster, offsetBytes, dst, dstOffset, lengthBytes);
            }
        };
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, state, null, slow, UnaryOperator.identity());
        fill(device, 0, 1);
        device.flush();
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTER);
        Thread reader = new Thread(() -> readInto(device, found), "slow reader");
        reader.start();
        await(reading);
        device.discard(0, CLUSTER);
        device.flush();
        fill(device, 1, 2);
        device.flush();
        fill(device, 2, 3);
        goOn.countDown();
        reader.join();
        assertThat(TestBytes.bytes(found, 0, CLUSTER)).containsOnly(1);
        device.flush();
        fill(device, 3, 4);
        device.detach();
        assertThat(size()).as("the cluster was used after the reader had left").isEqualTo(4L * CLUSTER);
    }

    private static void readInto(PloopDevice device, AlignedBuffer found) {
        try {
            device.read(0, found, 0, CLUSTER);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void await(CountDownLatch latch) throws IOException {
        try {
            if (!latch.await(20, TimeUnit.SECONDS)) {
                throw new IOException("nothing happened for 20 s");
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void aClusterGoesBackOnlyAfterTheTableWithoutItIsDurable() throws IOException {
        List<String> events = new ArrayList<>();
        UnaryOperator<Delta> watched = delta -> new ForwardingDelta(delta) {
            @Override
            public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
                super.writeMapPage(page, src, srcOffset);
                events.add("table");
            }

            @Override
            public void flush() throws IOException {
                super.flush();
                events.add("flush");
            }

            @Override
            public void release(int physicalCluster) {
                events.add("release");
                super.release(physicalCluster);
            }
        };
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, state, null, watched, UnaryOperator.identity());
        fill(device, 0, 1);
        device.flush();
        events.clear();
        device.discard(0, CLUSTER);
        assertThat(events).isEmpty();
        device.flush();
        assertThat(events).containsExactly("flush", "table", "flush", "release");
        device.close();
    }

    @Test
    void moreDiscardsThanTheQueueHoldsAreAllReleased() throws IOException {
        Chains.create(disk, "big", new DeltaGeometry(70_000L * CLUSTER, CLUSTER));
        disk.rename("big", "d0");
        PloopDevice device = open(OpenIntent.WRITE);
        int used = ReleasedClusters.CAPACITY + 1000;
        for (int cluster = 0; cluster < used; cluster++) {
            buffer.putInt(0, cluster + 1);
            device.write((long) cluster * CLUSTER, buffer, 0, 512);
        }
        device.discard(0, (long) used * CLUSTER);
        device.detach();
        assertThat(size()).isEqualTo(9L * CLUSTER);
        requireClean();
    }
}
