package org.tidemark.ploop.device.attach.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.front.DeviceFront;
import org.tidemark.ploop.device.front.FullDisk;
import org.tidemark.ploop.device.front.IoLimit;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** The protocol, without a kernel. */
@Timeout(60)
class FuseServerTest {
    private static final byte[] NOTHING = new byte[0];

    private final FakeKernel kernel = new FakeKernel();
    private final SteppedDevice device = new SteppedDevice();
    private FuseServer server;

    @BeforeEach
    void start() throws IOException {
        server = FuseServer.start(device, LoopWindow.WHOLE, StateArea.inMemory(), kernel, 2);
    }

    @AfterEach
    void theThreadsEndWithTheMount() {
        kernel.unmount();
        assertThat(server.awaitEnd(Duration.ofSeconds(5))).isTrue();
    }

    private int errorOf(long unique) throws InterruptedException {
        return kernel.awaitError(unique);
    }

    private static ByteBuffer words(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void versionAndAbilitiesAreAgreedOn() throws Exception {
        int offered = -1 & ~FuseWire.INIT_HANDLE_KILLPRIV_V2;
        byte[] init = words(64)
                .putInt(7)
                .putInt(45)
                .putInt(131072)
                .putInt(offered)
                .putInt(-1)
                .array();
        ByteBuffer out = ByteBuffer.wrap(kernel.awaitBody(kernel.send(FuseWire.INIT, init, NOTHING)))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(out.capacity()).isEqualTo(FuseWire.INIT_OUT_BYTES);
        assertThat(out.getInt(0)).isEqualTo(7);
        assertThat(out.getInt(4)).isEqualTo(38);
        assertThat(out.getInt(12) & FuseWire.INIT_HANDLE_KILLPRIV_V2).isZero();
        assertThat(out.getInt(12) & FuseWire.INIT_ASYNC_DIO).isNotZero();
        assertThat(out.getShort(16)).isEqualTo((short) 256);
        assertThat(out.getInt(20)).isEqualTo(256 << 10);
        assertThat(out.getShort(28)).isEqualTo((short) 64);
        assertThat(out.getInt(32)).isEqualTo(FuseWire.INIT2_DIRECT_IO_ALLOW_MMAP | FuseWire.INIT2_HAS_RESEND);

        byte[] ancient = words(64).putInt(7).putInt(8).array();
        assertThat(errorOf(kernel.send(FuseWire.INIT, ancient, NOTHING))).isEqualTo(Errno.EIO);
    }

    @Test
    void theImageIsARegularFileOfTheDevicesSize() throws Exception {
        ByteBuffer out = ByteBuffer.wrap(kernel.awaitBody(kernel.send(FuseWire.GETATTR, new byte[16], NOTHING)))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(out.capacity()).isEqualTo(FuseWire.ATTR_OUT_BYTES);
        assertThat(out.getLong(16)).isEqualTo(FuseWire.IMAGE_NODE);
        assertThat(out.getLong(24)).isEqualTo(SteppedDevice.SIZE);
        assertThat(out.getInt(16 + 60)).isEqualTo(0100600);
    }

    @Test
    void largeRequestsGoThroughWhole() throws Exception {
        byte[] data = new byte[FuseWire.MAX_PAYLOAD_BYTES];
        new java.util.Random(1).nextBytes(data);
        assertThat(errorOf(kernel.write(512, data))).isZero();
        assertThat(kernel.awaitBody(kernel.read(512, data.length))).isEqualTo(data);
    }

    @Test
    void readsEndWithTheFile() throws Exception {
        long last = SteppedDevice.SIZE - 512;
        assertThat(kernel.awaitBody(kernel.read(last, 4096))).hasSize(512);
        assertThat(kernel.awaitBody(kernel.read(SteppedDevice.SIZE, 4096))).isEmpty();
    }

    @Test
    void requestsOutsideOrAcrossBlocksAreRefused() throws Exception {
        assertThat(errorOf(kernel.write(SteppedDevice.SIZE - 512, new byte[1024])))
                .isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.write(-512, new byte[512]))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.write(100, new byte[512]))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.write(0, new byte[100]))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.read(-4096, 512))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.read(7, 512))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.fallocate(3, 1 << 20, 1L << 40))).isEqualTo(Errno.EINVAL);
        assertThat(errorOf(kernel.fallocate(3, 0, Long.MAX_VALUE - 511))).isEqualTo(Errno.EINVAL);
        assertThat(device.calls()).isEmpty();
    }

    @Test
    void holesAndZeroesReachTheDevice() throws Exception {
        assertThat(errorOf(kernel.fallocate(3, 512, 1536))).isZero();
        assertThat(errorOf(kernel.fallocate(17, 4096, 512))).isZero();
        assertThat(errorOf(kernel.fallocate(16, 8192, 512))).isZero();
        assertThat(errorOf(kernel.fallocate(0, 0, 512))).isEqualTo(Errno.EOPNOTSUPP);
        assertThat(errorOf(kernel.fallocate(2, 0, 512))).isEqualTo(Errno.EOPNOTSUPP);
        assertThat(errorOf(kernel.send(FuseWire.FSYNC, new byte[16], NOTHING))).isZero();
        assertThat(device.calls()).containsExactly("discard 512+1536", "zero 4096+512", "zero 8192+512", "flush");
    }

    @Test
    void everyFailureIsAnAnswerAndNoThreadDies() throws Exception {
        Object[][] cases = {
            {new OsException("pwrite", "image", Errno.ENOSPC), Errno.ENOSPC},
            {new OsException("pwrite", "image", Errno.ENOSYS), Errno.EIO},
            {new OsException("pwrite", "image", Errno.EINTR), Errno.EIO},
            {new ImageException(ImageException.Kind.READ_ONLY, "read-only"), Errno.EROFS},
            {new ImageException(ImageException.Kind.SUSPECT, "suspect"), Errno.EIO},
            {new IOException("whatever"), Errno.EIO},
            {new IllegalStateException("whatever"), Errno.EIO},
            {new OutOfMemoryError("whatever"), Errno.EIO},
        };
        for (Object[] one : cases) {
            device.failWith((Throwable) one[0]);
            assertThat(errorOf(kernel.write(0, new byte[512]))).isEqualTo(one[1]);
            assertThat(errorOf(kernel.read(0, 512))).isEqualTo(one[1]);
            assertThat(errorOf(kernel.send(FuseWire.FSYNC, new byte[16], NOTHING)))
                    .isEqualTo(one[1]);
        }
        device.failWith(null);
        assertThat(errorOf(kernel.write(0, new byte[512]))).isZero();
        assertThat(server.serving()).isTrue();
    }

    @Test
    void aReadOnlyDeviceRefusesEveryChange() throws Exception {
        device.makeReadOnly();
        assertThat(errorOf(kernel.write(0, new byte[512]))).isEqualTo(Errno.EROFS);
        assertThat(errorOf(kernel.fallocate(3, 0, 512))).isEqualTo(Errno.EROFS);
        assertThat(errorOf(kernel.send(FuseWire.OPEN, words(8).putInt(2).array(), NOTHING)))
                .isEqualTo(Errno.EROFS);
        assertThat(errorOf(kernel.send(FuseWire.OPEN, words(8).array(), NOTHING)))
                .isZero();
        assertThat(errorOf(kernel.send(FuseWire.FSYNC, new byte[16], NOTHING))).isZero();
        assertThat(device.calls()).isEmpty();
    }

    @Test
    void theSizeCannotBeChangedFromOutside() throws Exception {
        byte[] same = words(88).putInt(0, 8).putLong(16, SteppedDevice.SIZE).array();
        byte[] other = words(88).putInt(0, 8).putLong(16, 4096).array();
        assertThat(errorOf(kernel.send(FuseWire.SETATTR, same, NOTHING))).isZero();
        assertThat(errorOf(kernel.send(FuseWire.SETATTR, other, NOTHING))).isEqualTo(Errno.EPERM);
    }

    @Test
    void forgettingWantsNoAnswerAndTheUnknownGetsOne() throws Exception {
        long forget = kernel.send(FuseWire.FORGET, new byte[8], NOTHING);
        assertThat(errorOf(kernel.send(46, new byte[24], NOTHING))).isEqualTo(Errno.ENOSYS);
        assertThat(errorOf(kernel.send(4000, NOTHING, NOTHING))).isEqualTo(Errno.ENOSYS);
        assertThat(kernel.answered(forget)).isFalse();
    }

    /** More writes wait than may be put aside: the rest waits with its threads, and nothing is lost. */
    @Test
    void theNumberOfRequestsPutAsideIsBounded() throws Exception {
        int more = ParkedRequests.MOST + 1;
        FakeKernel busy = new FakeKernel();
        DeviceFront front = new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE);
        FuseServer second = FuseServer.start(front, LoopWindow.WHOLE, StateArea.inMemory(), busy, 2);
        device.failWritesWith(new OsException("pwrite", "image", Errno.ENOSPC));
        List<Long> waiting = new ArrayList<>();
        for (int i = 0; i < more; i++) {
            waiting.add(busy.write(i * 512L, new byte[512]));
        }
        while (front.waitingForSpace() < more) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertThat(errorOf(busy, busy.read(0, 512))).as("one thread is left").isZero();
        // Each thread that has to wait calls another one, as long as there may be more.
        int most = ParkedRequests.MOST + FuseServer.MOST_THREADS;
        while (waiting.size() < most) {
            waiting.add(busy.write(0, new byte[512]));
            while (front.waitingForSpace() < waiting.size()) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            if (waiting.size() < most) {
                assertThat(errorOf(busy, busy.read(0, 512)))
                        .as("another one was called")
                        .isZero();
            }
        }
        long read = busy.read(0, 512);
        TimeUnit.MILLISECONDS.sleep(100);
        assertThat(busy.answered(read)).as("none is left").isFalse();
        device.failWritesWith(null);
        for (long one : waiting) {
            assertThat(errorOf(busy, one)).isZero();
        }
        assertThat(errorOf(busy, read)).isZero();
        assertThat(device.writesDone()).isEqualTo(waiting.size());
        busy.unmount();
        assertThat(second.awaitEnd(Duration.ofSeconds(5))).isTrue();
    }

    /** A connection that ends takes those who wait along: their clients have had an error. */
    @Test
    void whoWaitsForSpaceEndsWithTheConnection() throws Exception {
        FakeKernel aborted = new FakeKernel();
        DeviceFront front = new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE);
        FuseServer second = FuseServer.start(front, LoopWindow.WHOLE, StateArea.inMemory(), aborted, 2);
        device.failWritesWith(new OsException("pwrite", "image", Errno.ENOSPC));
        for (int i = 0; i < 20; i++) {
            aborted.write(i * 512L, new byte[512]);
        }
        while (front.waitingForSpace() < 20) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        aborted.unmount();
        assertThat(second.awaitEnd(Duration.ofSeconds(5))).isTrue();
        assertThat(front.waitingForSpace()).isZero();
        assertThat(device.writesDone()).isZero();
    }

    private static int errorOf(FakeKernel of, long unique) throws InterruptedException {
        return of.awaitError(unique);
    }
}
