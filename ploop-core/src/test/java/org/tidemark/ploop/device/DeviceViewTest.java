package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker.ImageCondition;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Seeds;

/** A view shows its instant, whatever is written meanwhile; the device never suffers from it. */
@Timeout(120)
final class DeviceViewTest {
    private static final int CLUSTER = 256 * 1024;
    private static final int CHUNK = DeviceView.CHUNK_BYTES;
    private static final int DISK = 40 * CHUNK + 4096;
    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path folder;

    private final KeptState state = new KeptState();
    private ChangedBlockTracker tracker;
    private PloopDevice device;
    private final byte[] model = new byte[DISK];

    static java.util.stream.LongStream seeds() {
        return Seeds.of(10).limit(100);
    }

    @BeforeEach
    void open() throws IOException {
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        Chains.create(directory, "d0", new DeltaGeometry(DISK, CLUSTER));
        tracker =
                ChangedBlockTracker.open(state, DISK, directory, "d0.cbt", ImageCondition.CLOSED, "", UUID::randomUUID);
        device = Chains.open(directory, 1, OpenIntent.WRITE, state, tracker);
    }

    @AfterEach
    void close() throws IOException {
        device.close();
        tracker.close();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void showsItsInstantUnderConcurrentWriters(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            @Nullable Checkpoint since = null;
            for (int round = 0; round < 4; round++) {
                writeSome(random, 12);
                byte[] before = model.clone();
                DeviceView view = instant("t", since, 1 << 24);
                AtomicBoolean stop = new AtomicBoolean();
                ExecutorService pool = Executors.newFixedThreadPool(2);
                try {
                    long writerSeed = random.nextLong();
                    Future<?> writer = pool.submit(() -> {
                        Random own = new Random(writerSeed);
                        while (!stop.get()) {
                            writeSome(own, 1);
                        }
                        return null;
                    });
                    checkView(view, before, random);
                    stop.set(true);
                    writer.get(30, TimeUnit.SECONDS);
                } finally {
                    stop.set(true);
                    pool.shutdown();
                    assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
                }
                assertThat(view.viewState()).isEqualTo(ViewState.WHOLE);
                view.close();
                if (random.nextInt(4) > 0) {
                    since = view.interval().end();
                    tracker.commit("t", since);
                    committed = before;
                } else {
                    tracker.abandon("t", view.interval().end());
                }
            }
        });
    }

    private byte[] committed = new byte[DISK];

    /** Every chunk in the view reads as before; every chunk outside did not change since the committed point. */
    private void checkView(DeviceView view, byte[] before, Random random) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CHUNK);
        BitSet done = new BitSet();
        int chunks = (DISK + CHUNK - 1) / CHUNK;
        for (int i = 0; i < chunks; i++) {
            int chunk = (i * 17 + random.nextInt(2)) % chunks;
            if (done.get(chunk)) {
                continue;
            }
            int offset = chunk * CHUNK;
            int length = Math.min(CHUNK, DISK - offset);
            if (!view.interval().mayHaveChanged(offset, length)) {
                assertThat(Arrays.mismatch(committed, offset, offset + length, before, offset, offset + length))
                        .as("chunk %d is said not to have changed", chunk)
                        .isEqualTo(-1);
                assertThatThrownBy(() -> view.read(offset, buffer, 0, length)).hasMessageContaining("outside");
                continue;
            }
            view.read(offset, buffer, 0, length);
            byte[] got = new byte[length];
            buffer.bytes().get(0, got);
            assertThat(Arrays.mismatch(got, 0, length, before, offset, offset + length))
                    .as("chunk %d", chunk)
                    .isEqualTo(-1);
            if (random.nextBoolean()) {
                view.release(offset, length);
                done.set(chunk);
                assertThatThrownBy(() -> view.read(offset, buffer, 0, length)).hasMessageContaining("released");
            }
        }
    }

    @Test
    void breaksWhenTheScratchIsFullAndTheWriteGoesOn() throws IOException {
        fill((byte) 1);
        DeviceView view = instant("t", null, 2L * CHUNK);
        AlignedBuffer buffer = AlignedBuffer.allocate(4096);
        buffer.bytes().put(0, new byte[] {9});
        for (int chunk = 0; chunk < 4; chunk++) {
            device.write((long) chunk * CHUNK, buffer, 0, 4096);
        }
        assertThat(view.viewState()).isEqualTo(ViewState.BROKEN);
        assertThatThrownBy(() -> view.read(0, buffer, 0, 512)).hasMessageContaining("scratch for old data is full");
        device.read(3L * CHUNK, buffer, 0, 512);
        assertThat(buffer.bytes().get(0)).isEqualTo((byte) 9);
        view.close();
    }

    @Test
    void discardIsAWriteToTheView() throws IOException {
        fill((byte) 7);
        DeviceView view = instant("t", null, 1 << 24);
        device.discard(0, DISK);
        AlignedBuffer buffer = AlignedBuffer.allocate(CHUNK);
        view.read(0, buffer, 0, CHUNK);
        assertThat(buffer.bytes().get(CHUNK - 1)).isEqualTo((byte) 7);
        boolean[] anyZero = {false};
        view.extents(0, DISK, (offset, length, zero) -> anyZero[0] |= zero);
        assertThat(anyZero[0]).isFalse();
        view.close();
    }

    @Test
    void allDevicesStopBeforeOneGoesOn() throws Exception {
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        Chains.create(directory, "x0", new DeltaGeometry(DISK, CLUSTER));
        java.nio.file.Files.createDirectories(folder.resolve("two"));
        VfsImageDirectory second = new VfsImageDirectory(folder.resolve("two"));
        Chains.create(second, "d0", new DeltaGeometry(DISK, CLUSTER));
        PloopDevice other = Chains.open(second, 1, OpenIntent.WRITE, new KeptState(), null);
        AtomicBoolean stop = new AtomicBoolean();
        Thread writer = new Thread(() -> {
            AlignedBuffer number = AlignedBuffer.allocate(512);
            for (long i = 1; !stop.get(); i++) {
                number.putLong(0, i);
                try {
                    device.write(0, number, 0, 512);
                    other.write(0, number, 0, 512);
                } catch (IOException e) {
                    return;
                }
            }
        });
        writer.start();
        try {
            for (int round = 0; round < 50; round++) {
                List<DeviceView> views =
                        Instant.take(List.of(wanted(device, "a" + round), wanted(other, "b" + round)), SECOND);
                AlignedBuffer first = AlignedBuffer.allocate(512);
                AlignedBuffer then = AlignedBuffer.allocate(512);
                views.get(0).read(0, first, 0, 512);
                views.get(1).read(0, then, 0, 512);
                long ahead = first.getLong(0) - then.getLong(0);
                assertThat(ahead)
                        .as("writes to the first device are at most one ahead")
                        .isBetween(0L, 1L);
                views.get(0).close();
                views.get(1).close();
                tracker.abandon("c", views.get(0).interval().end());
            }
        } finally {
            stop.set(true);
            writer.join(10_000);
            other.close();
        }
    }

    private Instant.Wanted wanted(PloopDevice of, String name) {
        return new Instant.Wanted(of, name, "c", null, folder.resolve("scratch"), 1 << 24);
    }

    private DeviceView instant(String consumer, @Nullable Checkpoint since, long scratch) throws IOException {
        return Instant.take(
                        List.of(new Instant.Wanted(device, "v", consumer, since, folder.resolve("scratch"), scratch)),
                        SECOND)
                .get(0);
    }

    private void fill(byte value) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
        byte[] data = new byte[DISK];
        Arrays.fill(data, value);
        buffer.bytes().put(0, data);
        device.write(0, buffer, 0, DISK);
    }

    private void writeSome(Random random, int count) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(4 * CHUNK);
        for (int i = 0; i < count; i++) {
            int offset = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(300)) * 512, DISK - offset);
            synchronized (model) {
                if (random.nextInt(5) == 0) {
                    device.discard(offset, length);
                    Arrays.fill(model, offset, offset + length, (byte) 0);
                    continue;
                }
                byte[] data = new byte[length];
                random.nextBytes(data);
                buffer.bytes().put(0, data);
                device.write(offset, buffer, 0, length);
                System.arraycopy(data, 0, model, offset, length);
            }
        }
    }
}
