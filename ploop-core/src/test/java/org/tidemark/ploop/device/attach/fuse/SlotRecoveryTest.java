package org.tidemark.ploop.device.attach.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.device.front.DeviceFront;
import org.tidemark.ploop.device.front.FullDisk;
import org.tidemark.ploop.device.front.IoLimit;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * A server that dies at each step of a request, and its successor. "Dies" means: its thread stops there and never does
 * anything again, while kernel, image and state area live on.
 */
@Timeout(60)
class SlotRecoveryTest {
    private static final int BLOCK = 4096;

    @TempDir
    private Path temp;

    private final FakeKernel kernel = new FakeKernel();
    private final SteppedDevice device = new SteppedDevice();
    private final CountDownLatch died = new CountDownLatch(1);
    private final AtomicReference<String> deadly = new AtomicReference<>("");

    @BeforeEach
    void armSteps() {
        Consumer<String> step = deathAt(deadly, died);
        kernel.onStep(step);
        device.onStep(step);
    }

    private static Consumer<String> deathAt(AtomicReference<String> deadly, CountDownLatch died) {
        return name -> {
            String wanted = deadly.get();
            if (name.equals(wanted) && deadly.compareAndSet(wanted, "")) {
                died.countDown();
                while (true) {
                    LockSupport.park();
                }
            }
        };
    }

    @AfterEach
    void unmount() {
        kernel.unmount();
    }

    private FuseServer start(int threads) throws IOException {
        StateArea area = TmpfsStateArea.create(temp.resolve("state"));
        return FuseServer.start(device, LoopWindow.WHOLE, area, kernel, threads);
    }

    private FuseServer successor() throws IOException {
        FuseServer server = begunSuccessor();
        long end = System.nanoTime() + 5_000_000_000L;
        while (!server.settled() && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(100_000);
        }
        assertThat(server.settled()).isTrue();
        return server;
    }

    private FuseServer begunSuccessor() throws IOException {
        return FuseServer.resume(device, LoopWindow.WHOLE, TmpfsStateArea.resume(temp.resolve("state")), kernel, 1);
    }

    private void dieAt(String step) {
        deadly.set(step);
    }

    private void awaitDeath() throws InterruptedException {
        assertThat(died.await(5, TimeUnit.SECONDS)).isTrue();
    }

    private static byte[] filled(int value) {
        byte[] data = new byte[BLOCK];
        Arrays.fill(data, (byte) value);
        return data;
    }

    private long writesExecuted() {
        return device.calls().stream().filter(call -> call.startsWith("write")).count();
    }

    @ParameterizedTest
    @ValueSource(strings = {"received", "before I/O", "after I/O", "answering", "answered"})
    void aWriteSurvivesDeathAtEveryStep(String step) throws Exception {
        start(1);
        dieAt(step);
        long write = kernel.write(8192, filled(7));
        awaitDeath();
        boolean acknowledged = kernel.answered(write);
        assertThat(acknowledged).isEqualTo(step.equals("answered"));
        long executedBefore = writesExecuted();

        successor();
        assertThat(kernel.awaitError(write)).isZero();
        assertThat(device.content(8192, BLOCK)).isEqualTo(filled(7));
        boolean replyWasPrepared = step.equals("answering") || step.equals("answered");
        assertThat(writesExecuted()).isEqualTo(executedBefore + (replyWasPrepared ? 0 : 1));
        assertThat(kernel.refused()).hasSize(acknowledged ? 1 : 0);
        assertThat(kernel.resends()).isEqualTo(1);
        assertThat(kernel.awaitError(kernel.write(0, filled(1)))).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"received", "before I/O", "after I/O", "answering", "answered"})
    void aReadSurvivesDeathAtEveryStep(String step) throws Exception {
        start(1);
        kernel.awaitError(kernel.write(4096, filled(9)));
        dieAt(step);
        long read = kernel.read(4096, BLOCK);
        awaitDeath();
        successor();
        assertThat(kernel.awaitError(read)).isZero();
        assertThat(kernel.awaitBody(read)).isEqualTo(filled(9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"answering", "answered"})
    void whatMayHaveBeenAcknowledgedIsNeverWrittenAgain(String step) throws Exception {
        start(2);
        dieAt(step);
        long old = kernel.write(0, filled(1));
        awaitDeath();
        // The other thread of the same server still runs and writes something newer to the same place.
        assertThat(kernel.awaitError(kernel.write(0, filled(2)))).isZero();
        assertThat(device.content(0, BLOCK)).isEqualTo(filled(2));

        successor();
        assertThat(kernel.awaitError(old)).isZero();
        assertThat(device.content(0, BLOCK)).isEqualTo(filled(2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"before I/O", "after I/O", "answering", "answered"})
    void theSuccessorMayDieWhileItSettles(String step) throws Exception {
        start(1);
        dieAt("received");
        long write = kernel.write(4096, filled(5));
        awaitDeath();
        CountDownLatch again = new CountDownLatch(1);
        AtomicReference<String> second = new AtomicReference<>(step);
        Consumer<String> steps = deathAt(second, again);
        kernel.onStep(steps);
        device.onStep(steps);
        begunSuccessor();
        assertThat(again.await(5, TimeUnit.SECONDS)).isTrue();
        long executed = writesExecuted();

        successor();
        assertThat(kernel.awaitError(write)).isZero();
        assertThat(device.content(4096, BLOCK)).isEqualTo(filled(5));
        boolean replyWasPrepared = step.equals("answering") || step.equals("answered");
        assertThat(writesExecuted()).isEqualTo(executed + (replyWasPrepared ? 0 : 1));
    }

    /** A request that was left waits for its disk: whoever takes over is not held up, and nothing is read before it. */
    @Test
    void takingOverDoesNotWaitForTheRequestsThatWereLeft() throws Exception {
        start(1);
        dieAt("received");
        long left = kernel.write(0, filled(1));
        awaitDeath();
        CountDownLatch goOn = new CountDownLatch(1);
        device.onStep(name -> {
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        FuseServer server = begunSuccessor();
        long later = kernel.write(4096, filled(2));
        TimeUnit.MILLISECONDS.sleep(100);
        assertThat(server.settled()).isFalse();
        assertThat(server.serving()).isTrue();
        assertThat(kernel.answered(left) || kernel.answered(later)).isFalse();
        assertThat(kernel.resends()).isZero();
        goOn.countDown();
        assertThat(kernel.awaitError(left)).isZero();
        assertThat(kernel.awaitError(later)).isZero();
    }

    /** What was left waits for space: a thread is called to serve meanwhile, and must not come before all is settled. */
    @Test
    void nobodyServesWhileWhatWasLeftWaitsForSpace() throws Exception {
        start(1);
        dieAt("received");
        long left = kernel.write(0, filled(1));
        awaitDeath();
        device.failWith(new OsException("pwrite", "image", Errno.ENOSPC));
        DeviceFront front = new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE);
        FuseServer server =
                FuseServer.resume(front, LoopWindow.WHOLE, TmpfsStateArea.resume(temp.resolve("state")), kernel, 1);
        while (front.waitingForSpace() == 0) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        long later = kernel.read(4096, BLOCK);
        TimeUnit.MILLISECONDS.sleep(200);
        assertThat(server.threadCount()).as("only the one that settles").isEqualTo(1);
        assertThat(kernel.answered(left) || kernel.answered(later)).isFalse();
        device.failWith(null);
        assertThat(kernel.awaitError(left)).isZero();
        assertThat(kernel.awaitError(later)).isZero();
        assertThat(device.content(0, BLOCK)).isEqualTo(filled(1));
    }

    @Test
    void resendComesWhenAllSlotsAreSettled() throws Exception {
        start(3);
        dieAt("after I/O");
        long first = kernel.write(0, filled(1));
        awaitDeath();
        kernel.onStep(name -> {
            if (name.equals("answering")) {
                assertThat(kernel.resends() == 0 || kernel.handedOutCount() <= 1)
                        .isTrue();
            }
        });
        successor();
        assertThat(kernel.awaitError(first)).isZero();
        assertThat(kernel.resends()).isEqualTo(1);
        // Nothing was handed out any more when the notice came, so nothing was handed out twice.
        assertThat(writesExecuted()).isEqualTo(2);
    }

    @Test
    void aResentRequestIsAnsweredUnderItsNewNumber() throws Exception {
        // The slots of this predecessor are lost altogether: only the kernel knows of the request.
        start(1);
        dieAt("received");
        long write = kernel.write(0, filled(3));
        awaitDeath();
        FuseServer.resume(device, LoopWindow.WHOLE, TmpfsStateArea.create(temp.resolve("empty")), kernel, 1);
        assertThat(kernel.awaitError(write)).isZero();
        assertThat(device.content(0, BLOCK)).isEqualTo(filled(3));
        assertThat(kernel.refused()).isEmpty();
    }

    @Test
    void aRequestThatCameOnlyInPartIsNotExecuted() throws Exception {
        start(1);
        dieAt("received");
        long write = kernel.write(0, filled(3));
        awaitDeath();
        // What a cut-off copy would leave: the header, but not the arguments.
        RequestSlot slot = RequestSlot.in(TmpfsStateArea.resume(temp.resolve("state")), 0);
        slot.memory().zero(RequestSlot.ARGUMENTS, FuseWire.IO_BYTES);
        successor();
        assertThat(kernel.awaitError(write)).isNotZero();
        assertThat(writesExecuted()).isZero();
    }
}
