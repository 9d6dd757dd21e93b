package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Seeds;

/** A chain under random requests, restarts and takeovers always reads like an array of bytes. */
@Timeout(120)
final class PloopDevicePropertyTest {
    private static final int CLUSTER = 32 * 1024;
    /** More than four map pages of clusters would be 128 MiB; small disks with few slots exercise the rest. */
    private static final int DISK = 61 * CLUSTER + 512 * 7;

    @TempDir
    Path folder;

    static java.util.stream.LongStream seeds() {
        return Seeds.of(8).limit(200);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void readsWhatWasWritten(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new Run(new VfsImageDirectory(folder), random).go());
    }

    private static final class Run {
        private final ImageDirectory directory;
        private final Random random;
        private final byte[] model = new byte[DISK];
        private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
        private int levels = 1;
        private KeptState state = new KeptState();
        private PloopDevice device;

        Run(ImageDirectory directory, Random random) throws IOException {
            this.directory = directory;
            this.random = random;
            Chains.create(directory, "d0", new DeltaGeometry(DISK, CLUSTER));
            device = Chains.open(directory, levels, OpenIntent.WRITE, state, null);
        }

        void go() throws IOException {
            for (int step = 0; step < 300; step++) {
                step();
            }
            compare();
            device.detach();
        }

        private void step() throws IOException {
            switch (random.nextInt(24)) {
                case 0 -> restart();
                case 1 -> takeOver();
                case 2 -> addLevel();
                case 3, 4 -> device.flush();
                case 5, 6, 7 -> discard();
                case 8 -> compare();
                default -> write();
            }
        }

        private void write() throws IOException {
            int offset = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(200)) * 512, DISK - offset);
            byte[] data = new byte[length];
            if (random.nextInt(5) > 0) {
                random.nextBytes(data);
            }
            buffer.bytes().put(0, data);
            device.write(offset, buffer, 0, length);
            System.arraycopy(data, 0, model, offset, length);
        }

        private void discard() throws IOException {
            int offset = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(300)) * 512, DISK - offset);
            device.discard(offset, length);
            Arrays.fill(model, offset, offset + length, (byte) 0);
        }

        private void restart() throws IOException {
            device.detach();
            state = new KeptState();
            device = Chains.open(directory, levels, OpenIntent.WRITE, state, null);
        }

        /** The process is gone without a word: only files and state area are left. */
        private void takeOver() throws IOException {
            state = state.successor();
            device = Chains.open(directory, levels, OpenIntent.TAKE_OVER, state, null);
        }

        private void addLevel() throws IOException {
            if (levels == 4) {
                return;
            }
            device.detach();
            Chains.create(directory, "d" + levels, new DeltaGeometry(DISK, CLUSTER));
            levels++;
            state = new KeptState();
            device = Chains.open(directory, levels, OpenIntent.WRITE, state, null);
        }

        private void compare() throws IOException {
            device.read(0, buffer, 0, DISK);
            byte[] got = new byte[DISK];
            buffer.bytes().get(0, got);
            int differs = Arrays.mismatch(got, model);
            assertThat(differs).as("first byte that differs").isEqualTo(-1);
            long[] next = {0};
            device.extents(0, DISK, (offset, length, zero) -> {
                assertThat(offset).isEqualTo(next[0]);
                next[0] += length;
                if (zero) {
                    for (long i = offset; i < offset + length; i++) {
                        assertThat(model[(int) i]).isZero();
                    }
                }
            });
            assertThat(next[0]).isEqualTo(DISK);
        }
    }
}
