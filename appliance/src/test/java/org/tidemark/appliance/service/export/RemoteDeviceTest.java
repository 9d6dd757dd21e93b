package org.tidemark.appliance.service.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.device.attach.nbd.NbdExport;
import org.tidemark.ploop.device.attach.nbd.NbdServer;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.testing.Leftovers;
import org.tidemark.ploop.testing.MemoryDevice;

/** A disk that is passed on from one real NBD server to another. */
@Timeout(60)
class RemoteDeviceTest {
    private static final int SIZE = 1 << 20;
    private static final int GROWN = 3 << 20;
    private static final String DIRTY = "qemu:dirty-bitmap:b";

    private final AtomicInteger connected = new AtomicInteger();
    private final AtomicInteger asked = new AtomicInteger();
    private volatile long size = SIZE;
    private final BlockDevice disk = new ForwardingBlockDevice(new MemoryDevice("disk", new byte[GROWN])) {
        @Override
        public long sizeBytes() {
            return size;
        }
    };
    private Path folder;
    private NbdServer origin;
    private NbdServer front;
    private RemoteDevice remote;

    @BeforeEach
    void serve() throws IOException {
        folder = Leftovers.freshFolder("remote-device-");
        TreeMap<String, NbdExport.DirtyContext> bitmaps = new TreeMap<>();
        bitmaps.put("b", (offset, length, visitor) -> visitor.dirty(offset, 4096));
        NbdExport export = new NbdExport("disk", "a disk", disk, false, bitmaps);
        origin = NbdServer.onSocket(folder.resolve("origin.sock"), 64, 1);
        origin.add(export);
        remote = new RemoteDevice(
                "disk",
                new RemoteDevice.Source() {
                    @Override
                    public NbdClient connect(List<String> contexts) throws IOException {
                        connected.incrementAndGet();
                        return NbdClient.connect(origin.socket(), "disk", contexts);
                    }

                    @Override
                    public long sizeBytes() {
                        asked.incrementAndGet();
                        return size;
                    }

                    @Override
                    public boolean comesBack() {
                        return true;
                    }

                    @Override
                    public void close() {
                        // The server is the test's.
                    }
                },
                true);
        front = NbdServer.onSocket(folder.resolve("front.sock"));
        front.add(new NbdExport("passed", "the same", remote, false, new TreeMap<>()));
    }

    @AfterEach
    void stop() throws IOException {
        front.close();
        remote.close();
        origin.close();
        Leftovers.clear("remote-device-");
    }

    private NbdClient client() throws IOException {
        return NbdClient.connect(front.socket(), "passed", List.of());
    }

    @Test
    void aGrowthIsSeenAtOnceAndNobodyAsksMeanwhile() throws IOException {
        ByteBuffer block = ByteBuffer.allocate(4096);
        try (NbdClient before = client()) {
            assertThat(before.sizeBytes()).isEqualTo(SIZE);
            assertThatThrownBy(() -> before.read(SIZE, ByteBuffer.allocate(4096)))
                    .isInstanceOf(OsException.class);
            int askedBefore = asked.get();
            for (int i = 0; i < 100; i++) {
                before.read(0, block.clear());
            }
            assertThat(asked.get()).as("asked while nothing needs it").isEqualTo(askedBefore);
            size = GROWN;
            try (NbdClient after = client()) {
                assertThat(after.sizeBytes()).isEqualTo(GROWN);
            }
            // Who was connected before and heard of the growth elsewhere goes on with his connection.
            before.write(GROWN - 4096, ByteBuffer.allocate(4096).putLong(77).clear());
            before.read(GROWN - 4096, block.clear());
            assertThat(block.getLong(0)).isEqualTo(77);
            assertThatThrownBy(() -> before.read(GROWN, ByteBuffer.allocate(4096)))
                    .isInstanceOf(OsException.class);
        }
    }

    @Test
    void connectionsAreKept() throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(4096);
        for (int i = 0; i < 50; i++) {
            askEverything(buffer);
        }
        assertThat(connected.get()).as("reads, allocation, bitmap").isEqualTo(3);
        // All of them break at once; each request bears it.
        NbdExport export = origin.export("disk");
        origin.remove("disk");
        origin.add(export);
        askEverything(buffer);
        assertThat(connected.get()).as("and once more each").isBetween(6, 8);
    }

    private void askEverything(AlignedBuffer buffer) throws IOException {
        remote.read(0, buffer, 0, 4096);
        List<Long> found = new ArrayList<>();
        remote.extents(0, SIZE, (at, bytes, zero) -> found.add(bytes));
        remote.dirty(DIRTY).visit(0, SIZE, (at, bytes) -> found.add(bytes));
        assertThat(found).containsExactly((long) SIZE, 4096L);
    }

    /** Of each of the three kinds four could be in use at once, twelve in all. */
    @Test
    void manyThreadsKeepNoMoreThanFive() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                all.add(threads.submit(() -> {
                    AlignedBuffer buffer = AlignedBuffer.allocate(4096);
                    for (int round = 0; round < 20; round++) {
                        askEverything(buffer);
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get(Cli.LIMIT.toSeconds(), TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        System.out.println(connected.get() + " connections for 480 requests");
        Cli.await("no more than five are open", () -> openAtServer() <= 5);
        assertThat(openAtServer()).isPositive();
    }

    /** As the kernel has it: the ends that were accepted have the name of the socket, as the one that listens. */
    private long openAtServer() throws IOException {
        try (Stream<String> sockets = Files.lines(Path.of("/proc/net/unix"))) {
            return sockets.filter(line -> line.endsWith(" " + origin.socket())).count() - 1;
        }
    }
}
