package org.tidemark.ploop.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.testing.Seeds;

/** What every {@link ImageIo} does. */
public abstract class AbstractImageIoContract {
    private static final int MODEL_BYTES = 1 << 20;

    private ImageDirectory directory;
    private ImageIo io;

    /** An empty folder. */
    protected abstract ImageDirectory newDirectory() throws IOException;

    static LongStream seeds() {
        return Seeds.of(20).limit(20);
    }

    @BeforeEach
    void createFile() throws IOException {
        directory = newDirectory();
        io = directory.create("file");
    }

    @Test
    void writesAreReadBackAtAnyPlace() throws IOException {
        byte[] text = TestBytes.random(new Random(1), 5000);
        for (long position : new long[] {0, 1, 511, 512, 4096, 100_001, 1L << 33}) {
            TestBytes.write(io, position, text);
            assertThat(TestBytes.read(io, position, text.length)).isEqualTo(text);
            assertThat(io.size()).isEqualTo(position + text.length);
        }
    }

    @Test
    void beyondTheEndThereAreZeros() throws IOException {
        TestBytes.write(io, 0, TestBytes.filled(700, 7));
        byte[] expected = new byte[8192];
        Arrays.fill(expected, 0, 700, (byte) 7);
        assertThat(TestBytes.read(io, 0, 8192)).isEqualTo(expected);
        assertThat(TestBytes.read(io, 1 << 20, 4096)).containsOnly(0);
        assertThat(io.size()).isEqualTo(700);
    }

    @Test
    void punchingNeverGrowsAndReadsAsZerosToTheByte() throws IOException {
        TestBytes.write(io, 0, TestBytes.filled(20_000, 9));
        io.punchHole(4097, 8000);
        byte[] expected = TestBytes.filled(20_000, 9);
        Arrays.fill(expected, 4097, 12_097, (byte) 0);
        assertThat(TestBytes.read(io, 0, 20_000)).isEqualTo(expected);
        io.punchHole(19_999, 1 << 20);
        assertThat(io.size()).isEqualTo(20_000);
    }

    @Test
    void zeroingGrows() throws IOException {
        TestBytes.write(io, 0, TestBytes.filled(5000, 9));
        io.zero(4999, 10_002);
        assertThat(io.size()).isEqualTo(15_001);
        byte[] expected = new byte[15_001];
        Arrays.fill(expected, 0, 4999, (byte) 9);
        assertThat(TestBytes.read(io, 0, 15_001)).isEqualTo(expected);
    }

    @Test
    void cuttingAndExtendingGivesZeros() throws IOException {
        TestBytes.write(io, 0, TestBytes.filled(10_000, 5));
        io.truncate(3001);
        io.truncate(10_000);
        byte[] expected = new byte[10_000];
        Arrays.fill(expected, 0, 3001, (byte) 5);
        assertThat(TestBytes.read(io, 0, 10_000)).isEqualTo(expected);
    }

    @Test
    void betweenDataExtentsThereAreZeros() throws IOException {
        io.truncate(4 << 20);
        TestBytes.write(io, 1 << 20, TestBytes.filled(65_536, 1));
        TestBytes.write(io, (3 << 20) - 512, TestBytes.filled(1024, 1));
        boolean[] covered = new boolean[8192];
        long[] last = {0};
        io.dataExtents(512, (4 << 20) - 512, (position, length) -> {
            assertThat(position).isGreaterThanOrEqualTo(Math.max(512, last[0]));
            assertThat(length).isPositive();
            last[0] = position + length;
            for (long at = position / 512; at * 512 < position + length; at++) {
                covered[(int) at] = true;
            }
        });
        assertThat(last[0]).isLessThanOrEqualTo(4 << 20);
        byte[] all = TestBytes.read(io, 0, 4 << 20);
        for (int sector = 0; sector < covered.length; sector++) {
            boolean zero = all[sector * 512] == 0;
            assertThat(covered[sector] || zero).as("sector %d", sector).isTrue();
        }
    }

    @Test
    void aFileOpenForReadingRefusesChanges() throws IOException {
        TestBytes.write(io, 0, TestBytes.filled(512, 1));
        try (ImageIo reader = directory.open("file", OpenMode.READ_ONLY)) {
            assertThat(reader.writable()).isFalse();
            assertThat(TestBytes.read(reader, 0, 512)).containsOnly(1);
            assertReadOnly(() -> {
                TestBytes.write(reader, 0, new byte[512]);
                return null;
            });
            assertReadOnly(() -> {
                reader.truncate(0);
                return null;
            });
            assertReadOnly(() -> {
                reader.punchHole(0, 512);
                return null;
            });
            assertReadOnly(() -> {
                reader.zero(0, 512);
                return null;
            });
        }
    }

    private static void assertReadOnly(Callable<Void> change) {
        assertThatThrownBy(change::call).isInstanceOfSatisfying(ImageException.class, e -> assertThat(e.kind())
                .isEqualTo(ImageException.Kind.READ_ONLY));
    }

    @Test
    void aRangeOutsideTheMemoryIsRefused() {
        AlignedBuffer small = AlignedBuffer.allocate(4096);
        assertThatThrownBy(() -> io.read(0, small, 0, 4097)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> io.write(0, small, 4096, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> io.read(0, small, -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void writersOfOneBlockDoNotUndoEachOther() throws Exception {
        int writers = 4;
        ExecutorService pool = Executors.newFixedThreadPool(writers);
        try {
            for (int round = 0; round < 50; round++) {
                TestBytes.write(io, 0, new byte[8192]);
                Future<?>[] results = new Future<?>[writers];
                for (int i = 0; i < writers; i++) {
                    int from = i * 1000 + 3;
                    results[i] = pool.submit(() -> {
                        TestBytes.write(io, from, TestBytes.filled(997, 1));
                        return null;
                    });
                }
                TestBytes.write(io, 4096, TestBytes.filled(4096, 2));
                for (Future<?> result : results) {
                    result.get();
                }
                for (int i = 0; i < writers; i++) {
                    assertThat(TestBytes.read(io, i * 1000L + 3, 997)).containsOnly(1);
                }
                assertThat(TestBytes.read(io, 4096, 4096)).containsOnly(2);
            }
        } finally {
            pool.shutdownNow();
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void behavesLikeAnArrayOfBytes(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            byte[] model = new byte[MODEL_BYTES * 2];
            int size = 0;
            AlignedBuffer buffer = AlignedBuffer.allocate(64 * 1024 + 4096);
            for (int step = 0; step < 60; step++) {
                int grain = random.nextInt(3) == 0 ? 1 : 4096;
                int position = random.nextInt(MODEL_BYTES / grain) * grain;
                int length = (1 + random.nextInt(64 * 1024 / grain)) * grain;
                int offset = random.nextBoolean() ? 0 : random.nextInt(4096);
                switch (random.nextInt(6)) {
                    case 0, 1 -> {
                        byte[] bytes = TestBytes.random(random, length);
                        buffer.bytes().put(offset, bytes);
                        io.write(position, buffer, offset, length);
                        System.arraycopy(bytes, 0, model, position, length);
                        size = Math.max(size, position + length);
                    }
                    case 2 -> {
                        io.punchHole(position, length);
                        Arrays.fill(model, position, position + length, (byte) 0);
                    }
                    case 3 -> {
                        io.zero(position, length);
                        Arrays.fill(model, position, position + length, (byte) 0);
                        size = Math.max(size, position + length);
                    }
                    case 4 -> {
                        io.truncate(position);
                        Arrays.fill(model, position, model.length, (byte) 0);
                        size = position;
                    }
                    default -> {
                        io.read(position, buffer, offset, length);
                        assertThat(TestBytes.bytes(buffer, offset, length))
                                .isEqualTo(Arrays.copyOfRange(model, position, position + length));
                    }
                }
                assertThat(io.size()).isEqualTo(size);
            }
            io.flush();
            io.close();
            io = directory.open("file", OpenMode.READ_WRITE);
            assertThat(TestBytes.read(io, 0, MODEL_BYTES)).isEqualTo(Arrays.copyOf(model, MODEL_BYTES));
        });
    }
}
