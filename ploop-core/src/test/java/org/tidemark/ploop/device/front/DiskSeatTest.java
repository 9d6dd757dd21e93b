package org.tidemark.ploop.device.front;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.testing.MemoryDevice;

@Timeout(30)
class DiskSeatTest {
    private static final int WRITERS = 8;
    private static final int SIZE = WRITERS * DiskSeat.LARGE_BYTES;

    private final ExecutorService pool = Executors.newCachedThreadPool();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
    private final SharedDisk disk = new SharedDisk();
    private final AtomicInteger inside = new AtomicInteger();
    private final CountDownLatch release = new CountDownLatch(1);
    private final DeviceFront storming = front("storming", disk.join());
    private final DiskSeat neighboursSeat = disk.join();
    private final DeviceFront neighbour = front("neighbour", neighboursSeat);

    /** Its writes are counted and stay until {@link #release}. */
    private DeviceFront front(String name, DiskSeat seat) {
        ForwardingBlockDevice device = new ForwardingBlockDevice(new MemoryDevice(name, new byte[SIZE])) {
            @Override
            public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
                inside.incrementAndGet();
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                } finally {
                    inside.decrementAndGet();
                }
            }
        };
        return new DeviceFront(device, FullDisk.WAIT, IoLimit.NONE, seat);
    }

    private void write(DeviceFront front, int bytes) {
        for (int i = 0; i < WRITERS; i++) {
            long offset = (long) i * bytes;
            pool.submit(() -> {
                front.write(offset, buffer, 0, bytes);
                return null;
            });
        }
    }

    private void awaitInside(int wanted) throws InterruptedException {
        while (inside.get() < wanted) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }

    @AfterEach
    void end() throws InterruptedException {
        release.countDown();
        pool.shutdownNow();
        assertThat(pool.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aStormOfLargeRequestsIsHeldWhileANeighbourSyncs() throws Exception {
        neighboursSeat.beginSync();
        write(storming, DiskSeat.LARGE_BYTES);
        awaitInside(DiskSeat.LARGE_TOGETHER);
        TimeUnit.MILLISECONDS.sleep(60);
        assertThat(inside).hasValue(DiskSeat.LARGE_TOGETHER);
        // And goes on when the neighbour has not synced for a while, though none of those before it has ended.
        neighboursSeat.endSync(true);
        awaitInside(WRITERS);
    }

    @Test
    void aSyncThatIsOverHoldsForAWhile() throws Exception {
        neighbour.flush();
        write(storming, DiskSeat.LARGE_BYTES);
        awaitInside(DiskSeat.LARGE_TOGETHER);
        awaitInside(WRITERS);
    }

    @Test
    void ownSyncsAndThoseOfOtherDisksHoldNothing() throws Exception {
        DeviceFront elsewhere = front("elsewhere", new SharedDisk().join());
        elsewhere.flush();
        storming.flush();
        try (DiskSeat left = disk.join()) {
            left.beginSync();
        }
        assertThat(disk.othersSync(neighboursSeat, System.nanoTime())).isTrue();
        write(storming, DiskSeat.LARGE_BYTES);
        awaitInside(WRITERS);
    }

    @Test
    void aSyncThatFailedHoldsNothing() throws Exception {
        neighboursSeat.beginSync();
        neighboursSeat.endSync(false);
        write(storming, DiskSeat.LARGE_BYTES);
        awaitInside(WRITERS);
        assertThat(disk.othersSync(disk.join(), System.nanoTime())).isFalse();
    }

    /** Writes that the device itself holds up, as at an instant, do not hold its reads. */
    @Test
    void readsDoNotWaitForWrites() throws Exception {
        neighboursSeat.beginSync();
        write(storming, DiskSeat.LARGE_BYTES);
        awaitInside(DiskSeat.LARGE_TOGETHER);
        storming.read(0, buffer, 0, DiskSeat.LARGE_BYTES);
    }

    @Test
    void smallRequestsAreNeverHeld() throws Exception {
        neighboursSeat.beginSync();
        write(storming, DiskSeat.LARGE_BYTES / 2);
        awaitInside(WRITERS);
    }

    @Test
    void filesOfOneFileSystemLieOnOneDisk(@TempDir Path folder) throws IOException {
        SharedDisks disks = new SharedDisks();
        SharedDisk here = disks.of(Files.createFile(folder.resolve("a")));
        assertThat(disks.of(Files.createFile(folder.resolve("b")))).isSameAs(here);
        assertThat(disks.of(Path.of("/proc/self"))).isNotSameAs(here);
    }
}
