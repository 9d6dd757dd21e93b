package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.chain.InternalSnapshots;
import org.tidemark.ploop.chain.PersistentBitmaps;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.ChainRepair;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Snapshot;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * A qcow2 image made by qemu under random requests, restarts and commands (snapshots inside the file restored and deleted,
 * bitmaps added and removed, repair) always reads as an array of bytes does, and so do its snapshots.
 */
class Qcow2PropertyTest {
    private static final String IMAGE = "d0";
    private static final int STEPS = 120;
    private static final List<String> GOLDEN = List.of(
            "v2-snapshots",
            "v2-snapshots",
            "v3-bitmaps",
            "v3-counts-of-1-bit",
            "v3-counts-of-64-bits",
            "v3-tiny-clusters",
            "v3-zlib",
            "v3-zstd");

    static LongStream seeds() {
        return Seeds.of(60);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void anImageReadsAsAnArrayOfBytes(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new Run(random).go());
    }

    private static final class Run {
        private final Random random;
        private final SimulatedDisk disk = new SimulatedDisk();
        private final ChainFiles files = ChainFiles.loneFile(disk, IMAGE, Qcow2Format.ID);
        private final Map<String, byte[]> snapshots = new LinkedHashMap<>();
        private KeptState state = new KeptState();
        private PloopDevice device;
        private byte[] model;
        private AlignedBuffer buffer;
        private boolean version3;

        Run(Random random) {
            this.random = random;
        }

        void go() throws IOException {
            String golden = GOLDEN.get(random.nextInt(GOLDEN.size()));
            Golden.put(disk, golden + ".qcow2", IMAGE);
            version3 = golden.startsWith("v3");
            open(OpenIntent.WRITE);
            buffer = AlignedBuffer.allocate((int) device.sizeBytes());
            model = content(device);
            for (Snapshot snapshot : InternalSnapshots.list(files)) {
                snapshots.put(snapshot.id(), atSnapshot(snapshot.id()));
            }
            for (int step = 0; step < STEPS; step++) {
                step();
            }
            compare();
            device.detach();
            device.close();
            assertThat(ChainCheck.run(files).findings()).allMatch(Finding.BitmapNotStored.class::isInstance);
            for (Map.Entry<String, byte[]> snapshot : snapshots.entrySet()) {
                assertThat(Arrays.mismatch(atSnapshot(snapshot.getKey()), snapshot.getValue()))
                        .as("first byte where snapshot " + snapshot.getKey() + " changed")
                        .isEqualTo(-1);
            }
        }

        private void open(OpenIntent intent) throws IOException {
            ImageChain chain = ImageChain.open(files, intent, PloopDevice.cursor(state));
            chain.top().markInUse();
            device = new PloopDevice(IMAGE, chain.deltas(), state, null, PloopDevice.DEFAULT_MAP_SLOTS);
        }

        private byte[] content(BlockDevice from) throws IOException {
            from.read(0, buffer, 0, buffer.capacity());
            byte[] bytes = new byte[buffer.capacity()];
            buffer.bytes().get(0, bytes);
            return bytes;
        }

        private byte[] atSnapshot(String id) throws IOException {
            ImageChain chain = ImageChain.openAtInternalSnapshot(files, id);
            PloopDevice then =
                    new PloopDevice(IMAGE, chain.deltas(), StateArea.inMemory(), null, PloopDevice.DEFAULT_MAP_SLOTS);
            byte[] bytes = content(then);
            then.close();
            return bytes;
        }

        private void step() throws IOException {
            switch (random.nextInt(20)) {
                case 0, 1, 2 -> change(true);
                case 3 -> device.flush();
                case 4 -> compare();
                case 5 -> between(() -> {});
                case 6 -> takeOver();
                case 7 -> between(this::command);
                default -> change(false);
            }
        }

        private void change(boolean zeros) throws IOException {
            int offset = random.nextInt(model.length / 512) * 512;
            int most = random.nextBoolean() ? 8 : 300;
            int length = Math.min((1 + random.nextInt(most)) * 512, model.length - offset);
            byte[] data = new byte[length];
            if (zeros) {
                if (random.nextBoolean()) {
                    device.discard(offset, length);
                } else {
                    device.writeZeroes(offset, length);
                }
            } else {
                random.nextBytes(data);
                buffer.bytes().put(0, data);
                device.write(offset, buffer, 0, length);
            }
            System.arraycopy(data, 0, model, offset, length);
        }

        private interface Command {
            void run() throws IOException;
        }

        private void between(Command command) throws IOException {
            device.detach();
            device.close();
            command.run();
            state = new KeptState();
            open(OpenIntent.WRITE);
            compare();
        }

        private void command() throws IOException {
            List<String> ids = List.copyOf(snapshots.keySet());
            int choice = random.nextInt(4);
            if (choice == 0 && !ids.isEmpty()) {
                String id = ids.get(random.nextInt(ids.size()));
                InternalSnapshots.restore(files, id);
                model = snapshots.get(id).clone();
            } else if (choice == 1 && !ids.isEmpty()) {
                String id = ids.get(random.nextInt(ids.size()));
                InternalSnapshots.delete(files, id);
                snapshots.remove(id);
            } else if (choice == 2 && version3) {
                if (PersistentBitmaps.list(files).stream()
                        .anyMatch(one -> one.name().equals("mine"))) {
                    PersistentBitmaps.remove(files, "mine");
                } else {
                    PersistentBitmaps.add(files, "mine", 4096, random.nextBoolean());
                }
            } else {
                ChainRepair.run(files);
            }
            assertThat(ChainCheck.run(files).findings()).allMatch(Finding.BitmapNotStored.class::isInstance);
        }

        /** The process is gone without a word: only the file and the state area are left. */
        private void takeOver() throws IOException {
            state = state.successor();
            open(OpenIntent.TAKE_OVER);
        }

        private void compare() throws IOException {
            assertThat(Arrays.mismatch(content(device), model))
                    .as("first byte that differs")
                    .isEqualTo(-1);
        }
    }
}
