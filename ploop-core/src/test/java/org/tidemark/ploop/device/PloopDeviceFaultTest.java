package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.FaultPlan.Attempt;
import org.tidemark.ploop.sim.FaultPlan.Kind;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/** One operation on a file fails, each in turn: nothing that was acknowledged is lost and no cluster has two owners. */
@Timeout(300)
final class PloopDeviceFaultTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int SIZE = 20 * CLUSTER;
    /** Clusters lie in pages of the map of their own, more of them than the device keeps. */
    private static final long FAR = 1024L * CLUSTER;

    private SimulatedDisk disk = new SimulatedDisk();
    private DiskModel model = new DiskModel(SIZE);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(2 * CLUSTER);
    private PloopDevice device;
    private int refused;
    private int levels = 2;
    /** Reads for itself. */
    private boolean checksOrder = true;

    private static long place(long offset) {
        return offset / CLUSTER % 5 * FAR + offset / CLUSTER / 5 * CLUSTER + offset % CLUSTER;
    }

    private void open(OpenIntent intent) throws IOException {
        device = Chains.open(
                checksOrder ? new OrderCheckedDirectory(disk) : disk, levels, intent, new KeptState(), null);
    }

    private void prepare() throws IOException {
        disk = new SimulatedDisk();
        model = new DiskModel(SIZE);
        Chains.create(disk, "d0", new DeltaGeometry(5 * FAR, CLUSTER));
        device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        for (int cluster = 0; cluster < 20; cluster += 3) {
            write(cluster * CLUSTER, CLUSTER, 1);
        }
        device.detach();
        if (levels > 1) {
            Chains.create(disk, "d1", new DeltaGeometry(5 * FAR, CLUSTER));
        }
        open(OpenIntent.WRITE);
    }

    private interface Request {
        void run() throws IOException;
    }

    /** Whether the request succeeded. */
    private boolean tried(Request request) {
        try {
            request.run();
            return true;
        } catch (IOException e) {
            refused++;
            return false;
        }
    }

    private void write(int offset, int length, int seed) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        buffer.bytes().put(0, data);
        if (tried(() -> device.write(place(offset), buffer, 0, length))) {
            model.wrote(offset, data);
        } else {
            model.mayHaveWritten(offset, data);
        }
    }

    private void discard(int offset, int length) {
        if (tried(() -> device.discard(place(offset), length))) {
            model.zeroed(offset, length);
        } else {
            model.mayHaveWritten(offset, new byte[length]);
        }
    }

    private boolean flush() {
        long mark = model.flushBegins();
        boolean done = tried(() -> device.flush());
        if (done) {
            model.flushEnded(mark);
        }
        return done;
    }

    private void scenario() {
        for (int i = 0; i < 12; i++) {
            write(i % 7 * 4096 + i * 7 % 20 * CLUSTER, 4096 * (1 + i % 2), i);
            if (i % 4 == 1) {
                discard(i * 5 % 20 * CLUSTER + 512, 8192);
            }
            if (i % 5 == 4) {
                flush();
            }
        }
        flush();
    }

    private void read(long offset, byte[] dst) throws IOException {
        for (int done = 0; done < dst.length; done += CLUSTER) {
            device.read(place(offset + done), buffer, 0, CLUSTER);
            buffer.bytes().get(0, dst, done, CLUSTER);
        }
    }

    private static boolean changes(Attempt attempt) {
        return attempt.kind() == Kind.WRITE
                || attempt.kind() == Kind.PUNCH
                || attempt.kind() == Kind.TRUNCATE
                || attempt.kind() == Kind.READ
                || attempt.kind() == Kind.FLUSH;
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.EIO, Errno.ENOSPC})
    void survivesTheFailureOfAnyOperation(int errno) throws IOException {
        boolean fired = true;
        for (int nth = 1; fired; nth++) {
            prepare();
            boolean[] inFlush = {false};
            disk.faults()
                    .failNth(
                            nth,
                            attempt -> {
                                inFlush[0] = attempt.kind() == Kind.FLUSH;
                                return changes(attempt);
                            },
                            errno);
            scenario();
            fired = !disk.faults().pending();
            assertThat(nth).isLessThan(2000);
            if (fired) {
                afterFault(errno);
            }
        }
    }

    /**
     * Each read of the files fails in turn: of the map, of the table when free clusters are looked for, of a lower level. One
     * change fails, or a discard gives no cluster back and zeros it all the same; the device goes on.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aFailedReadIsNoReasonToWriteNothingMore(int chainLevels) throws IOException {
        levels = chainLevels;
        checksOrder = false;
        int failed = 0;
        boolean fired = true;
        for (int nth = 1; fired; nth++) {
            prepare();
            disk.faults().failNth(nth, attempt -> attempt.kind() == Kind.READ, Errno.EIO);
            refused = 0;
            wholeDiscards();
            scenario();
            fired = !disk.faults().pending();
            assertThat(nth).isLessThan(2000);
            assertThat(device.state()).as("after failed read " + nth).isEqualTo(DeviceState.RUNNING);
            assertThat(refused).isLessThanOrEqualTo(1);
            failed += refused;
            if (fired) {
                afterFault(Errno.EIO);
            }
        }
        System.out.println(failed + " changes failed by a read");
        assertThat(failed).isPositive();
    }

    private void wholeDiscards() {
        for (int cluster = 0; cluster < 20; cluster += 4) {
            discard(cluster * CLUSTER, CLUSTER);
        }
        flush();
    }

    private void afterFault(int errno) throws IOException {
        boolean aborted = device.state() == DeviceState.ABORTED;
        model.checkVisible(this::read);
        if (!aborted) {
            write(4 * CLUSTER, 4096, 99);
            assertThat(flush()).as("usable after errno " + errno).isTrue();
        } else {
            assertThatThrownBy(() -> device.write(0, buffer, 0, 512)).hasMessageContaining("read-only");
            assertThat(flush()).isFalse();
        }
        SimulatedDisk now = disk;
        for (CrashPlan plan :
                new CrashPlan[] {CrashPlan.dropAll(), CrashPlan.applyAll(), CrashPlan.random(new Random(7))}) {
            disk = now.crash(plan);
            open(OpenIntent.RECOVER);
            checkFiles();
        }
        model.checkAfterCrash(this::read);
        device.detach();
    }

    private void checkFiles() throws IOException {
        for (int level = 0; level < levels; level++) {
            try (ImageIo io = disk.open("d" + level, OpenMode.READ_ONLY)) {
                assertThat(ChainCheck.run(io).findings())
                        .allMatch(finding ->
                                finding instanceof Finding.LeakedClusters || finding instanceof Finding.MarkedInUse);
            }
        }
    }

    @Test
    void noSpaceForAPageOfTheMapIsNotTheEnd() throws IOException {
        prepare();
        write(CLUSTER, 4096, 3);
        disk.faults().failNth(1, attempt -> attempt.kind() == Kind.WRITE && attempt.position() < CLUSTER, Errno.ENOSPC);
        assertThat(flush()).isFalse();
        assertThat(device.state()).isEqualTo(DeviceState.RUNNING);
        assertThat(flush()).isTrue();
        disk = disk.crash(CrashPlan.dropAll());
        open(OpenIntent.RECOVER);
        model.checkAfterCrash(this::read);
    }

    @Test
    void aFullDiskRefusesWritesAndGoesOnWhenThereIsSpace() throws IOException {
        prepare();
        disk.limitBytes(disk.usedBytes() + 8192);
        for (int cluster = 0; cluster < 20; cluster++) {
            byte[] data = new byte[4096];
            new Random(cluster).nextBytes(data);
            int offset = cluster * CLUSTER;
            buffer.bytes().put(0, data);
            if (tried(() -> device.write(place(offset), buffer, 0, 4096))) {
                model.wrote(offset, data);
            } else {
                model.mayHaveWritten(offset, data);
            }
        }
        assertThat(refused).isPositive();
        assertThat(device.state()).isEqualTo(DeviceState.RUNNING);
        model.checkVisible(this::read);
        disk.limitBytes(1L << 30);
        write(19 * CLUSTER, 4096, 5);
        assertThat(flush()).isTrue();
        device.detach();
        checkFiles();
    }
}
