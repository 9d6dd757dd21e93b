package org.tidemark.ploop.device.attach.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;
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

    /** One of two that were left has to wait for its disk: the other one is answered. */
    @Test
    void whatWasLeftIsSettledSideBySide() throws Exception {
        start(2);
        CountDownLatch both = new CountDownLatch(2);
        kernel.onStep(name -> {
            if (name.equals("received")) {
                both.countDown();
                while (true) {
                    LockSupport.park();
                }
            }
        });
        long[] left = {kernel.write(0, filled(1)), kernel.write(4096, filled(2))};
        assertThat(both.await(5, TimeUnit.SECONDS)).isTrue();
        kernel.onStep(name -> {});
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicInteger entered = new AtomicInteger();
        device.onStep(name -> {
            try {
                if (name.equals("before I/O") && entered.incrementAndGet() == 1) {
                    goOn.await();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        FuseServer server = begunSuccessor();
        long end = System.nanoTime() + 5_000_000_000L;
        while (!kernel.answered(left[0]) && !kernel.answered(left[1]) && System.nanoTime() - end < 0) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertThat(kernel.answered(left[0]) ^ kernel.answered(left[1])).isTrue();
        assertThat(server.settled()).isFalse();
        assertThat(kernel.resends()).isZero();
        goOn.countDown();
        for (long one : left) {
            assertThat(kernel.awaitError(one)).isZero();
        }
    }

    private FuseServer successorOnAFullDisk(DeviceFront front) throws IOException {
        StateArea area = TmpfsStateArea.resume(temp.resolve("state"));
        return FuseServer.resume(front, LoopWindow.WHOLE, area, kernel, 2);
    }

    private static void awaitWaiting(DeviceFront front, int count) throws InterruptedException {
        long end = System.nanoTime() + 10_000_000_000L;
        while (front.waitingForSpace() != count && System.nanoTime() - end < 0) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertThat(front.waitingForSpace()).isEqualTo(count);
    }

    private long slotFiles() throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve("state"))) {
            return files.filter(file -> file.getFileName().toString().startsWith("fuse-slot-"))
                    .count();
        }
    }

    /**
     * Many more writes wait for space than there are threads, and their server is killed, twice: reads are answered all the
     * time, and every write is carried out once. An old kernel keeps nothing, a new one hands them out again.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void writesThatWaitForSpaceHoldUpNobodyAndSurviveDeath(boolean handsOutAgain) throws Exception {
        if (!handsOutAgain) {
            kernel.doesNotHandOutAgain();
        }
        int writes = 60;
        device.failWritesWith(new OsException("pwrite", "image", Errno.ENOSPC));
        DeviceFront first = new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE);
        FuseServer.start(first, LoopWindow.WHOLE, TmpfsStateArea.create(temp.resolve("state")), kernel, 2);
        List<Long> waiting = new ArrayList<>();
        for (int i = 0; i < writes; i++) {
            waiting.add(kernel.write(8192L + i * BLOCK, filled(i + 1)));
        }
        awaitWaiting(first, writes);
        assertThat(kernel.awaitError(kernel.read(0, BLOCK))).isZero();
        CountDownLatch dead = new CountDownLatch(3);
        Consumer<String> death = name -> {
            dead.countDown();
            while (true) {
                LockSupport.park();
            }
        };
        // Both serving threads, and the one that tries again.
        kernel.onStep(death);
        device.onStep(death);
        long[] cutOff = {kernel.read(0, BLOCK), kernel.read(BLOCK, BLOCK)};
        assertThat(dead.await(5, TimeUnit.SECONDS)).isTrue();
        kernel.onStep(name -> {});
        device.onStep(name -> {});

        DeviceFront second = new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE);
        FuseServer successor = successorOnAFullDisk(second);
        for (long read : cutOff) {
            assertThat(kernel.awaitError(read)).isZero();
        }
        awaitWaiting(second, writes);
        assertThat(kernel.awaitError(kernel.read(0, BLOCK))).isZero();
        assertThat(waiting).noneMatch(kernel::answered);
        assertThat(slotFiles()).isGreaterThanOrEqualTo(writes);
        assertThat(device.writesDone()).isZero();
        device.failWritesWith(null);
        for (int i = 0; i < writes; i++) {
            assertThat(kernel.awaitError(waiting.get(i))).isZero();
            assertThat(device.content(8192 + i * BLOCK, BLOCK)).isEqualTo(filled(i + 1));
        }
        assertThat(device.writesDone()).as("each is carried out once").isEqualTo(writes);
        assertThat(kernel.refused())
                .doesNotContainAnyElementsOf(
                        waiting.stream().map(one -> "reply to " + one).toList());
        awaitWaiting(second, 0);
        long end = System.nanoTime() + 5_000_000_000L;
        while (slotFiles() > FuseServer.MOST_THREADS && System.nanoTime() - end < 0) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertThat(slotFiles()).as("their memory is given back").isLessThanOrEqualTo(FuseServer.MOST_THREADS);
        assertThat(successor.threadCount()).isLessThanOrEqualTo(FuseServer.MOST_THREADS);
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
