package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.sim.FaultPlan.Kind;
import org.tidemark.ploop.sim.SimulatedDisk;

/** On an error that cannot be mended a device goes read-only and says so; it never lies and never hangs for ever. */
@Timeout(60)
final class Invariant8FailedFlushMakesDeviceReadOnlyTest {
    private static final int CLUSTER = 32 * 1024;
    /** Six pages of the map, two more than the device keeps. */
    private static final long SIZE = 6L * Delta.PAGE_CLUSTERS * CLUSTER;

    private final SimulatedDisk disk = new SimulatedDisk();
    private KeptState state = new KeptState();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);
    private PloopDevice device;

    @BeforeEach
    void open() throws IOException {
        Chains.create(disk, "d0", new DeltaGeometry(SIZE, CLUSTER));
        device = Chains.open(disk, 1, OpenIntent.WRITE, state, null);
        buffer.putLong(0, 4711);
    }

    private void failOn(Kind kind) {
        disk.faults().failNth(1, attempt -> attempt.kind() == kind, Errno.EIO);
        assertThatThrownBy(device::flush).isInstanceOf(OsException.class);
    }

    private void assertReadOnly(PloopDevice which) throws IOException {
        assertThat(which.state()).isEqualTo(DeviceState.ABORTED);
        assertThatThrownBy(() -> which.write(0, buffer, 0, 4096)).hasMessageContaining("read-only");
        assertThatThrownBy(() -> which.discard(0, 4096)).hasMessageContaining("read-only");
        assertThatThrownBy(which::flush).hasMessageContaining("read-only");
        AlignedBuffer got = AlignedBuffer.allocate(4096);
        which.read(0, got, 0, 4096);
        assertThat(got.getLong(0)).isEqualTo(4711);
    }

    @Test
    void afterAFailedSync() throws IOException {
        device.write(0, buffer, 0, 4096);
        failOn(Kind.FLUSH);
        assertReadOnly(device);
        device.detach();
        assertThatThrownBy(() -> Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null))
                .hasMessageContaining("was not closed");
    }

    @Test
    void aSuccessorKnowsIt() throws IOException {
        device.write(0, buffer, 0, 4096);
        failOn(Kind.WRITE);
        assertReadOnly(Chains.open(disk, 1, OpenIntent.TAKE_OVER, state.successor(), null));
    }

    /** What the disk failed may be a cluster that is there already, a fresh one, or a hole to be made. */
    @Test
    void afterAWriteThatTheDiskFailed() throws IOException {
        for (Kind kind : new Kind[] {Kind.WRITE, Kind.PUNCH}) {
            for (int errno : new int[] {Errno.EIO, Errno.EROFS, Errno.ESTALE, Errno.ENODEV}) {
                PloopDevice one = fresh();
                one.write(0, buffer, 0, 4096);
                one.flush();
                disk.faults().failNth(1, attempt -> attempt.kind() == kind, errno);
                assertThatThrownBy(() -> {
                            if (kind == Kind.PUNCH) {
                                one.discard(4096, 4096);
                            } else {
                                one.write(4096, buffer, 0, 4096);
                            }
                        })
                        .isInstanceOfSatisfying(
                                OsException.class, e -> assertThat(e.errno()).isEqualTo(errno));
                assertReadOnly(one);
                assertThat(one.trouble()).contains("read-only").contains(Errno.describe(errno));
                PloopDevice successor = Chains.open(disk, 1, OpenIntent.TAKE_OVER, state.successor(), null);
                assertReadOnly(successor);
                assertThat(successor.trouble()).isEqualTo(one.trouble());
            }
        }
    }

    private PloopDevice fresh() throws IOException {
        state = new KeptState();
        return Chains.open(disk, 1, OpenIntent.RECOVER, state, null);
    }

    @Test
    void wantOfSpaceIsNotSuchAnError() throws IOException {
        device.write(0, buffer, 0, 4096);
        for (int errno : new int[] {Errno.ENOSPC, Errno.EDQUOT}) {
            disk.faults().failNth(1, attempt -> attempt.kind() == Kind.WRITE, errno);
            assertThatThrownBy(() -> device.write(4096, buffer, 0, 4096)).isInstanceOf(OsException.class);
            assertThat(device.state()).isEqualTo(DeviceState.RUNNING);
            assertThat(device.trouble()).isEmpty();
            device.write(4096, buffer, 0, 4096);
            device.flush();
        }
    }

    @Test
    void aReadThatFailsIsAnErrorOfThatReadAlone() throws IOException {
        device.write(0, buffer, 0, 4096);
        disk.faults().failNth(1, attempt -> attempt.kind() == Kind.READ, Errno.EIO);
        AlignedBuffer got = AlignedBuffer.allocate(4096);
        assertThatThrownBy(() -> device.read(0, got, 0, 4096)).isInstanceOf(OsException.class);
        assertThat(device.state()).isEqualTo(DeviceState.RUNNING);
        device.write(0, buffer, 0, 4096);
        device.flush();
    }

    /** A bad place in the base costs the writes that need it, not the container all its writes. */
    @Test
    void neitherIsABaseThatCannotBeReadWhereItHasToBeCopiedUp() throws IOException {
        device.write(0, buffer, 0, 4096);
        device.detach();
        Chains.create(disk, "d1", new DeltaGeometry(SIZE, CLUSTER));
        PloopDevice top = Chains.open(disk, 2, OpenIntent.WRITE, new KeptState(), null);
        AlignedBuffer got = AlignedBuffer.allocate(4096);
        top.read(0, got, 0, 4096);
        disk.faults().failNth(1, attempt -> attempt.kind() == Kind.READ && attempt.position() >= CLUSTER, Errno.EIO);
        assertThatThrownBy(() -> top.write(8192, buffer, 0, 4096))
                .isInstanceOfSatisfying(
                        OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
        assertThat(disk.faults().pending()).isFalse();
        assertThat(top.state()).isEqualTo(DeviceState.RUNNING);
        top.write(8192, buffer, 0, 4096);
        top.flush();
    }

    /** Whatever a write has to look up first: what cannot be read then costs that write alone. */
    @Test
    void neitherAreTheCountsOfAQcow2FileThatCannotBeRead() throws IOException {
        Golden.put(disk, "v3-zlib.qcow2", "i.qcow2");
        int failed = 0;
        try (DeviceBytes image = DeviceBytes.open(ChainFiles.loneFile(disk, "i.qcow2"), Use.READ_WRITE)) {
            BlockDevice one = image.device();
            AlignedBuffer got = AlignedBuffer.allocate(4096);
            for (long at = 0; at < one.sizeBytes(); at += 64 * 1024) {
                one.read(at, got, 0, 4096);
                disk.faults().failNth(1, attempt -> attempt.kind() == Kind.READ, Errno.EIO);
                try {
                    one.write(at, buffer, 0, 4096);
                } catch (OsException e) {
                    failed++;
                    one.write(at, buffer, 0, 4096);
                }
                disk.faults().clear();
                assertThat(one.state()).isEqualTo(DeviceState.RUNNING);
            }
            one.flush();
        }
        assertThat(failed).isPositive();
    }

    @Test
    void readsGoOnWhenNoPageCanLeaveTheMap() throws IOException {
        for (int page = 0; page < 4; page++) {
            device.write((long) page * Delta.PAGE_CLUSTERS * CLUSTER, buffer, 0, 4096);
        }
        // The fourth write of a page fails: the sync before it was good, so later ones might be, too.
        disk.faults().failNth(1, attempt -> attempt.kind() == Kind.WRITE, Errno.EIO);
        assertThatThrownBy(device::flush).isInstanceOf(OsException.class);
        assertReadOnly(device);
        device.read(5L * Delta.PAGE_CLUSTERS * CLUSTER, buffer, 0, 512);
        assertThat(buffer.isZero(0, 512)).isTrue();
    }

    @Test
    void nobodyWhoWaitedIsToldThatAllIsWell() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        PloopDevice slow = slowDevice(inside, goOn);
        slow.write(0, buffer, 0, 4096);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            Future<?> leader = pool.submit(() -> {
                slow.flush();
                return null;
            });
            assertThat(inside.await(10, TimeUnit.SECONDS)).isTrue();
            Future<?> waiting = pool.submit(() -> {
                slow.flush();
                return null;
            });
            TimeUnit.MILLISECONDS.sleep(50);
            goOn.countDown();
            assertThatThrownBy(() -> leader.get(10, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class);
            assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class);
        } finally {
            pool.shutdownNow();
        }
    }

    /** Its first page of the map fails to be written, when it is told to go on. */
    private PloopDevice slowDevice(CountDownLatch inside, CountDownLatch goOn) throws IOException {
        return Chains.open(
                disk,
                1,
                OpenIntent.RECOVER,
                new KeptState(),
                null,
                top -> new ForwardingDelta(top) {
                    @Override
                    public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
                        inside.countDown();
                        try {
                            goOn.await(10, TimeUnit.SECONDS);
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        throw new OsException("simulated write", name(), Errno.EIO);
                    }
                },
                lower -> lower);
    }

    @Test
    void whenTheMarkCannotBeCleared() throws IOException {
        device.write(0, buffer, 0, 4096);
        device.flush();
        disk.faults().failNth(2, attempt -> attempt.kind() == Kind.WRITE || attempt.kind() == Kind.TRUNCATE, Errno.EIO);
        assertThatThrownBy(device::detach).isInstanceOf(OsException.class);
        assertReadOnly(device);
    }
}
