package org.tidemark.ploop.device.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.testing.MemoryDevice;

@Timeout(30)
class DeviceFrontTest {
    private static final int SIZE = 1 << 20;

    private final ExecutorService pool = Executors.newCachedThreadPool();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);
    private volatile int errno;
    private volatile int tries;
    private final byte[] disk = new byte[SIZE];

    /** Fails every change with {@link #errno}, unless that is 0. */
    private final BlockDevice failing = new ForwardingBlockDevice(new MemoryDevice("image", disk)) {
        private void fail() throws IOException {
            tries++;
            if (errno != 0) {
                throw new OsException("pwrite", "image", errno);
            }
        }

        @Override
        public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
            fail();
            super.write(offsetBytes, src, srcOffset, lengthBytes);
        }

        @Override
        public void flush() throws IOException {
            fail();
        }

        @Override
        public void discard(long offsetBytes, long lengthBytes) throws IOException {
            fail();
            super.discard(offsetBytes, lengthBytes);
        }
    };

    private interface Request {
        void run() throws IOException;
    }

    private Future<?> begin(Request request) {
        return pool.submit(() -> {
            request.run();
            return null;
        });
    }

    private static void await(java.util.function.BooleanSupplier check) throws InterruptedException {
        while (!check.getAsBoolean()) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }

    @AfterEach
    void stop() {
        pool.shutdownNow();
    }

    @Test
    void aWriteWaitsForSpaceAndIsThenCarriedOut() throws Exception {
        for (int full : new int[] {Errno.ENOSPC, Errno.EDQUOT}) {
            DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, IoLimit.NONE);
            errno = full;
            buffer.putLong(0, full);
            List<Future<?>> waiting = List.of(
                    begin(() -> front.write(4096, buffer, 0, 4096)),
                    begin(front::flush),
                    begin(() -> front.discard(0, 4096)));
            await(() -> front.waitingForSpace() == 3);
            assertThat(front.trouble()).contains("full").contains("wait");
            front.read(0, AlignedBuffer.allocate(4096), 0, 4096);
            assertThat(waiting).noneMatch(Future::isDone);
            errno = 0;
            for (Future<?> one : waiting) {
                one.get(10, TimeUnit.SECONDS);
            }
            assertThat(front.waitingForSpace()).isZero();
            assertThat(front.trouble()).isEmpty();
            assertThat(disk[4096]).isEqualTo((byte) full);
        }
    }

    @Test
    void whoeverCanPutARequestAsideIsToldAtOnceThatItIsToWait() throws Exception {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, new IoLimit(1, 0, 0));
        errno = Errno.ENOSPC;
        OsException full =
                catchThrowableOfType(OsException.class, () -> front.firstTry().write(0, buffer, 0, 4096));
        assertThat(front.space().concerns(full)).isTrue();
        front.space().begin(full);
        assertThat(front.waitingForSpace()).isEqualTo(1);
        errno = 0;
        long begun = System.nanoTime();
        for (int i = 0; i < 10; i++) {
            front.furtherTry().write(4096, buffer, 0, 4096);
        }
        assertThat(System.nanoTime() - begun)
                .as("it was admitted once; again would take a second each")
                .isLessThan(5_000_000_000L);
        front.space().end();
        assertThat(front.waitingForSpace()).isZero();
        front.change(FullDisk.ERROR, IoLimit.NONE);
        assertThat(front.space().concerns(full)).isFalse();
        front.change(FullDisk.WAIT, IoLimit.NONE);
        assertThat(front.space().concerns(full)).isTrue();
        front.stopWaiting();
        assertThat(front.space().concerns(full)).isFalse();
    }

    @Test
    void whoWaitsFailsWhenItIsToldTo() throws Exception {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, IoLimit.NONE);
        errno = Errno.ENOSPC;
        Future<?> waiting = begin(() -> front.write(0, buffer, 0, 4096));
        await(() -> front.waitingForSpace() == 1);
        front.change(FullDisk.ERROR, IoLimit.NONE);
        assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining("ENOSPC");
        assertThatThrownBy(() -> front.write(0, buffer, 0, 4096)).isInstanceOf(OsException.class);

        front.change(FullDisk.WAIT, new IoLimit(1, 0, 0));
        Future<?> again = begin(() -> front.write(0, buffer, 0, 4096));
        await(() -> front.waitingForSpace() == 1);
        front.stopWaiting();
        assertThatThrownBy(() -> again.get(10, TimeUnit.SECONDS)).hasMessageContaining("ENOSPC");
    }

    @Test
    void otherErrorsAreNotWaitedFor() {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, IoLimit.NONE);
        errno = Errno.EIO;
        int before = tries;
        assertThatThrownBy(() -> front.write(0, buffer, 0, 4096)).isInstanceOf(OsException.class);
        assertThat(tries).isEqualTo(before + 1);
        assertThat(front.waitingForSpace()).isZero();
    }

    @Test
    void aLimitHoldsForAllThreadsTogetherAndCanBeTakenAway() throws Exception {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, new IoLimit(100, 0, 0));
        AtomicInteger done = new AtomicInteger();
        long begun = System.nanoTime();
        List<Future<?>> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            clients.add(begin(() -> {
                AlignedBuffer own = AlignedBuffer.allocate(512);
                while (done.incrementAndGet() < 40) {
                    front.read(0, own, 0, 512);
                }
            }));
        }
        for (Future<?> one : clients) {
            one.get(20, TimeUnit.SECONDS);
        }
        // 36 requests at least come after the first, one each 10 ms: never sooner, however loaded the machine is.
        assertThat(System.nanoTime() - begun).isGreaterThan(350_000_000L);

        front.change(FullDisk.WAIT, new IoLimit(0, 1024, 0));
        front.write(0, AlignedBuffer.allocate(32 << 10), 0, 32 << 10);
        Future<?> late = begin(() -> front.write(0, buffer, 0, 4096));
        // It would wait half a minute.
        TimeUnit.MILLISECONDS.sleep(50);
        assertThat(late.isDone()).isFalse();
        long changed = System.nanoTime();
        front.change(FullDisk.WAIT, IoLimit.NONE);
        late.get(20, TimeUnit.SECONDS);
        assertThat(System.nanoTime() - changed).isLessThan(15_000_000_000L);
    }

    @Test
    void oneDeviceAtItsLimitDoesNotHoldUpAnother() throws Exception {
        DeviceFront slow = new DeviceFront(failing, FullDisk.WAIT, new IoLimit(1, 0, 0));
        DeviceFront quick =
                new DeviceFront(new MemoryDevice("other", new byte[SIZE]), FullDisk.WAIT, new IoLimit(100_000, 0, 250));
        slow.read(0, buffer, 0, 512);
        Future<?> waiting = begin(() -> slow.read(0, AlignedBuffer.allocate(512), 0, 512));
        for (int i = 0; i < 1000; i++) {
            quick.read(0, buffer, 0, 512);
        }
        assertThat(waiting.isDone()).isFalse();
        slow.stopWaiting();
        waiting.get(10, TimeUnit.SECONDS);
    }

    @Test
    void aRequestAllocatesNothing() throws Exception {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, new IoLimit(1_000_000_000, 1L << 50, 1000));
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long id = Thread.currentThread().getId();
        long allocated = 0;
        for (int round = 0; round < 20; round++) {
            long before = threads.getThreadAllocatedBytes(id);
            for (int i = 0; i < 1000; i++) {
                front.read(0, buffer, 0, 512);
                front.write(0, buffer, 0, 512);
                front.flush();
            }
            allocated = threads.getThreadAllocatedBytes(id) - before;
        }
        assertThat(allocated).isLessThan(1000);
    }

    @Test
    void backupsReadOneByOneWhileTheContainerIsActiveAndGoOn() throws Exception {
        DeviceFront front = new DeviceFront(failing, FullDisk.WAIT, IoLimit.NONE);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        BlockDevice slowView = new ForwardingBlockDevice(failing) {
            @Override
            public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
                int now = inside.incrementAndGet();
                most.accumulateAndGet(now, Math::max);
                try {
                    TimeUnit.MILLISECONDS.sleep(5);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                } finally {
                    inside.decrementAndGet();
                }
            }
        };
        try (YieldingView view = new YieldingView(slowView, front.backupTurns())) {
            long idle = nanosOfReads(view);
            int mostIdle = most.getAndSet(0);
            CountDownLatch stop = new CountDownLatch(1);
            AtomicInteger requests = new AtomicInteger();
            // There is never a moment without a request under way, however late this thread gets its turn.
            boolean always = front.backupTurns().begin();
            Future<?> container = begin(() -> {
                while (stop.getCount() > 0) {
                    front.read(0, buffer, 0, 512);
                    requests.incrementAndGet();
                }
            });
            await(() -> requests.get() > 0);
            long beside = nanosOfReads(view);
            stop.countDown();
            container.get(10, TimeUnit.SECONDS);
            front.backupTurns().end(always);
            assertThat(mostIdle).as("reads at once beside an idle container").isGreaterThan(1);
            assertThat(most.get()).as("reads at once beside an active one").isEqualTo(1);
            // 16 reads of 5 ms, one by one, and a pause as long between two.
            assertThat(beside).isGreaterThan(31 * 5_000_000L).isGreaterThan(idle);
        }
    }

    private long nanosOfReads(YieldingView view) throws Exception {
        long begun = System.nanoTime();
        List<Future<?>> readers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            readers.add(begin(() -> {
                AlignedBuffer own = AlignedBuffer.allocate(512);
                for (int n = 0; n < 4; n++) {
                    view.read(0, own, 0, 512);
                }
            }));
        }
        for (Future<?> one : readers) {
            one.get(20, TimeUnit.SECONDS);
        }
        return System.nanoTime() - begun;
    }

    @Test
    void aBackupDoesNotWaitForEverForAContainerThatHangs() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        BlockDevice hanging = new ForwardingBlockDevice(failing) {
            @Override
            public void flush() throws IOException {
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        };
        DeviceFront front = new DeviceFront(hanging, FullDisk.WAIT, IoLimit.NONE);
        try (YieldingView view = new YieldingView(failing, front.backupTurns())) {
            Future<?> stuck = begin(front::flush);
            TimeUnit.MILLISECONDS.sleep(20);
            view.read(0, AlignedBuffer.allocate(512), 0, 512);
            view.read(0, AlignedBuffer.allocate(512), 0, 512);
            assertThat(stuck.isDone()).isFalse();
            goOn.countDown();
            stuck.get(10, TimeUnit.SECONDS);
        }
    }
}
