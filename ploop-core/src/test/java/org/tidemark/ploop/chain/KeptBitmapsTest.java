package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.BitSet;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * A persistent bitmap of a qcow2 image is a superset of what was written since it was made, or says that it is in use: after
 * detaching, after kills, after power loss at any operation.
 */
class KeptBitmapsTest {
    private static final String IMAGE = "disk";
    private static final int CLUSTER = 4096;
    private static final int DISK = 1 << 20;
    private static final int GRANULE = 4096;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    static LongStream seeds() {
        return Seeds.of(60);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aBitmapSaysEverythingOrNothing(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new Run(random).go());
    }

    /** Most detaches leave a valid bitmap, or the other test would prove little. */
    @Test
    void bitmapsAreValidAfterDetaching() throws IOException {
        int valid = 0;
        for (long seed = 1; seed <= 10; seed++) {
            Run run = new Run(new Random(seed));
            run.go();
            valid += run.valid;
        }
        assertThat(valid).isGreaterThan(20);
    }

    /** Negative control: something was written that no tracker was told. */
    @Test
    void aBitmapThatMissesSomethingIsNoticed() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= 20; seed++) {
                        Run run = new Run(new Random(seed));
                        run.untold = true;
                        run.go();
                    }
                })
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("are not told");
    }

    private static final class Run {
        private final Random random;
        private boolean untold;
        private final BitSet written = new BitSet();
        private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
        private SimulatedDisk disk = new SimulatedDisk();
        private KeptState area = new KeptState();
        private MortalDirectory process;
        private AttachedImage image;
        private int valid;

        Run(Random random) {
            this.random = random;
        }

        void go() throws IOException {
            try (ImageIo io = disk.create(IMAGE)) {
                Qcow2Format.create(io, new DeltaGeometry(DISK, CLUSTER), CreateOptions.USUAL);
            }
            disk.sync();
            makeBitmap();
            attach(Use.READ_WRITE);
            for (int step = 0; step < 80; step++) {
                try {
                    step();
                } catch (Killed e) {
                    die();
                }
            }
        }

        private void makeBitmap() throws IOException {
            ChainFiles files = OverlayTree.filesIn(disk, IMAGE);
            if (!PersistentBitmaps.list(files).isEmpty()) {
                PersistentBitmaps.remove(files, "b");
            }
            PersistentBitmaps.add(files, "b", GRANULE, true);
            written.clear();
        }

        private void attach(Use use) throws IOException {
            process = new MortalDirectory(disk);
            image = AttachedImage.open(
                    OverlayTree.filesIn(process, IMAGE),
                    use,
                    area,
                    () -> {},
                    true,
                    new OwnerRecord(HOST, 1),
                    () -> new UUID(random.nextLong(), random.nextLong()));
        }

        private void step() throws IOException {
            switch (random.nextInt(12)) {
                case 0 -> {
                    process.killAfter(random.nextInt(40));
                    detach();
                }
                case 1, 2 -> detach();
                case 3 -> die();
                case 4 -> image.flush();
                default -> write();
            }
        }

        private void write() throws IOException {
            int offset = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(40)) * 512, DISK - offset);
            written.set(offset / GRANULE, (offset + length - 1) / GRANULE + 1);
            if (untold) {
                return;
            }
            if (random.nextInt(4) == 0) {
                image.discard(offset, length);
            } else {
                image.write(offset, buffer, 0, length);
            }
        }

        private void detach() throws IOException {
            image.close();
            process.spare();
            boolean says = check(disk);
            valid += says ? 1 : 0;
            if (!says && random.nextBoolean()) {
                // Somebody begins anew.
                makeBitmap();
            }
            area = new KeptState();
            attach(Use.READ_WRITE);
        }

        private void die() throws IOException {
            check(disk.crash(random));
            if (random.nextBoolean()) {
                area = area.successor();
                attach(Use.TAKE_OVER);
            } else {
                disk = disk.crash(random);
                area = new KeptState();
                attach(Use.READ_WRITE);
            }
        }

        /** Whether the bitmap says anything; if so it says enough. */
        private boolean check(SimulatedDisk now) throws IOException {
            try (ImageIo io = now.open(IMAGE, OpenMode.READ_ONLY)) {
                Qcow2Header header = Qcow2Header.read(io);
                Optional<Bitmap> bitmap = Bitmap.list(io, header).stream().findFirst();
                if (bitmap.isEmpty() || bitmap.get().inUse()) {
                    return false;
                }
                BitSet said = BitmapContent.bitsBefore(io, header, bitmap.get());
                BitSet missing = (BitSet) written.clone();
                missing.andNot(said);
                assertThat(missing.cardinality())
                        .as("granules that were written to and are not told")
                        .isZero();
                return true;
            }
        }
    }
}
