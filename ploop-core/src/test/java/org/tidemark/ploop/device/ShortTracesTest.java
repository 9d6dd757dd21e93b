package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.expanded.OddImages;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.EveryCrash;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A short life of a device, and everything that a power cut can do to it: at every change, with every subset of what was not
 * flushed.
 */
@Timeout(300)
final class ShortTracesTest {
    private static final int BOUND = 8;
    private static final int SCRIPTS = 3;
    private static final int CLUSTER = 8 * 512;
    private static final int SIZE = 6 * CLUSTER;
    private static final String IMAGE = "image";
    private static final String DATA = "data";
    private static final int AT_INCOMPATIBLE = 72;
    private static final long EXTERNAL_DATA = 4;
    private static final long EVERY_THIRD = 0x49249249L;
    private static final byte[] FIRST = TestBytes.random(new Random(5), SIZE);

    private enum Shape {
        RAW,
        EXPANDED_V1,
        EXPANDED_V2,
        QCOW2_V2,
        QCOW2_V3,
        QCOW2_SUBCLUSTERS,
        /** Subclusters in another file, some of them there at first. */
        QCOW2_DATA_FILE
    }

    private static SimulatedDisk image(Shape shape) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        if (shape == Shape.EXPANDED_V1 || shape == Shape.EXPANDED_V2) {
            ExpandedVersion version = shape == Shape.EXPANDED_V1 ? ExpandedVersion.V1 : ExpandedVersion.V2;
            OddImages.create(disk, IMAGE, version, CLUSTER / 512, CLUSTER / 512, SIZE / 512);
        } else {
            try (ImageIo io = disk.create(IMAGE)) {
                switch (shape) {
                    case RAW -> new RawFormat().create(io, new DeltaGeometry(SIZE, CLUSTER));
                    case QCOW2_V2 ->
                        Qcow2Format.create(
                                io,
                                new DeltaGeometry(SIZE, CLUSTER),
                                new CreateOptions(2, 4, false, false, false, "", ""));
                    case QCOW2_V3 ->
                        Qcow2Format.create(
                                io,
                                new DeltaGeometry(SIZE, CLUSTER),
                                new CreateOptions(3, 0, false, false, false, "", ""));
                    default ->
                        Qcow2Format.create(
                                io,
                                new DeltaGeometry(SIZE, 16384),
                                new CreateOptions(3, 4, false, true, false, "", ""));
                }
            }
        }
        disk.sync();
        if (shape == Shape.QCOW2_DATA_FILE) {
            moveDataOut(disk);
        }
        return disk;
    }

    /** The image has its data in another file from here on; every third subcluster lies there. */
    private static void moveDataOut(SimulatedDisk disk) throws IOException {
        AlignedBuffer word = AlignedBuffer.allocate(8);
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
            io.read(AT_INCOMPATIBLE, word, 0, 8);
            word.putLong(0, Long.reverseBytes(Long.reverseBytes(word.getLong(0)) | EXTERNAL_DATA));
            io.write(AT_INCOMPATIBLE, word, 0, 8);
            io.flush();
        }
        disk.create(DATA).close();
        PloopDevice device = open(Shape.QCOW2_DATA_FILE, disk, OpenIntent.WRITE);
        AlignedBuffer bytes = AlignedBuffer.allocate(SIZE);
        bytes.bytes().put(0, FIRST);
        device.write(0, bytes, 0, SIZE);
        device.detach();
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
            io.read(Qcow2Header.read(io).l1Offset(), word, 0, 8);
            long table = Long.reverseBytes(word.getLong(0)) & 0x00FFFFFFFFFFFE00L;
            word.putLong(0, Long.reverseBytes(EVERY_THIRD));
            io.write(table + 8, word, 0, 8);
            io.write(table + 24, word, 0, 8);
            io.flush();
        }
        disk.sync();
    }

    /** What the disk holds before the life of {@link Shape#QCOW2_DATA_FILE}. */
    private static byte[] contentBefore() {
        byte[] content = new byte[SIZE];
        for (int at = 0; at < SIZE; at += 512) {
            if ((EVERY_THIRD >>> at / 512 % 32 & 1) != 0) {
                System.arraycopy(FIRST, at, content, at, 512);
            }
        }
        return content;
    }

    private static PloopDevice open(Shape shape, ImageDirectory folder, OpenIntent intent) throws IOException {
        ImageIo io = folder.open(IMAGE, OpenMode.READ_WRITE);
        AllocationCursor cursor = AllocationCursor.transientCursor();
        Delta delta =
                switch (shape) {
                    case RAW -> new RawFormat().open(io, intent, CLUSTER, cursor);
                    case EXPANDED_V1, EXPANDED_V2 -> new ExpandedFormat().open(io, intent, 0, cursor);
                    case QCOW2_DATA_FILE ->
                        Qcow2Format.open(io, folder.open(DATA, OpenMode.READ_WRITE), intent, cursor);
                    default -> new Qcow2Format().open(io, intent, 0, cursor);
                };
        delta.markInUse();
        return new PloopDevice("test", List.of(delta), StateArea.inMemory(), null, 4);
    }

    private static final class Life implements EveryCrash.Trial {
        private final Shape shape;
        private final UnaryOperator<ImageDirectory> program;
        private final DiskModel model = new DiskModel(SIZE);
        private final AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
        private final Random random;

        Life(Shape shape, int script, UnaryOperator<ImageDirectory> program) {
            this.shape = shape;
            this.random = new Random(script);
            this.program = program;
            if (shape == Shape.QCOW2_DATA_FILE) {
                model.wrote(0, contentBefore());
                model.flushEnded(model.flushBegins());
            }
        }

        @Override
        public void work(ImageDirectory folder) throws IOException {
            PloopDevice device = open(shape, program.apply(folder), OpenIntent.WRITE);
            for (int i = 0; i < 9; i++) {
                int offset = random.nextInt(SIZE / 512) * 512;
                int length = Math.min((1 + random.nextInt(10)) * 512, SIZE - offset);
                switch (random.nextInt(6)) {
                    case 0 -> flush(device);
                    case 1 -> discard(device, offset, length);
                    default -> write(device, offset, length);
                }
            }
            long mark = model.flushBegins();
            device.detach();
            model.flushEnded(mark);
        }

        private void write(PloopDevice device, int offset, int length) throws IOException {
            byte[] data = new byte[length];
            random.nextBytes(data);
            buffer.bytes().put(0, data);
            boolean done = false;
            try {
                device.write(offset, buffer, 0, length);
                done = true;
                model.wrote(offset, data);
            } finally {
                if (!done) {
                    model.mayHaveWritten(offset, data);
                }
            }
        }

        private void discard(PloopDevice device, int offset, int length) throws IOException {
            boolean done = false;
            try {
                device.discard(offset, length);
                done = true;
                model.zeroed(offset, length);
            } finally {
                if (!done) {
                    model.mayHaveWritten(offset, new byte[length]);
                }
            }
        }

        private void flush(PloopDevice device) throws IOException {
            long mark = model.flushBegins();
            device.flush();
            model.flushEnded(mark);
        }

        @Override
        public void check(SimulatedDisk after, boolean finished) throws IOException {
            boolean inUse = true;
            if (shape != Shape.RAW) {
                try (ImageIo io = after.open(IMAGE, OpenMode.READ_ONLY)) {
                    for (Finding finding : ChainCheck.run(io).findings()) {
                        assertThat(finding instanceof Finding.LeakedClusters
                                        || finding instanceof Finding.ShortTail
                                        || finding instanceof Finding.MarkedInUse
                                        || finding instanceof Finding.Contradiction note
                                                && note.what().endsWith("the kernel driver refuses such images")
                                        || finding instanceof Finding.CopiedMismatch mismatch && !mismatch.copied())
                                .as(finding.describe())
                                .isTrue();
                    }
                    inUse = shape.name().startsWith("EXP")
                            ? ExpandedFormat.readHeader(io).inUse()
                            : Qcow2Header.read(io).dirty();
                }
            }
            PloopDevice device = open(shape, after, inUse ? OpenIntent.RECOVER : OpenIntent.WRITE);
            AlignedBuffer found = AlignedBuffer.allocate(SIZE);
            model.copy().checkAfterCrash((offset, dst) -> {
                device.read(offset, found, 0, dst.length);
                found.bytes().get(0, dst);
            });
            device.close();
        }
    }

    @ParameterizedTest
    @EnumSource(Shape.class)
    void everyPowerCutIsSurvived(Shape shape) throws IOException {
        long crashes = 0;
        // Each subcluster without data is punched by itself: many more requests.
        int bound = shape == Shape.QCOW2_DATA_FILE ? BOUND / 2 : BOUND;
        for (int seed = 1; seed <= (shape == Shape.QCOW2_DATA_FILE ? 1 : SCRIPTS); seed++) {
            int script = seed;
            crashes += EveryCrash.of(image(shape), bound, disk -> new Life(shape, script, UnaryOperator.identity()));
        }
        System.out.println(shape + ": " + crashes + " crashes");
        assertThat(crashes).isGreaterThan(500);
    }

    @Test
    void aFlushThatDoesNothingIsCaught() {
        for (Shape shape : Shape.values()) {
            assertThatThrownBy(() -> EveryCrash.of(
                            image(shape),
                            3,
                            disk -> new Life(shape, 1, folder -> new ForwardingDirectory(folder, Unflushed::new))))
                    .as(shape.name())
                    .isInstanceOf(AssertionError.class);
        }
    }

    /** Subclusters that count go with those that do not, before the entry changes. */
    @Test
    void aPlaceThatIsPunchedWholeIsCaught() {
        assertThatThrownBy(() -> {
                    for (int seed = 1; seed <= SCRIPTS; seed++) {
                        int script = seed;
                        EveryCrash.of(
                                image(Shape.QCOW2_DATA_FILE),
                                2,
                                disk -> new Life(
                                        Shape.QCOW2_DATA_FILE,
                                        script,
                                        folder -> new ForwardingDirectory(
                                                folder,
                                                file -> file.name().endsWith(DATA) ? new PunchesAll(file) : file)));
                    }
                })
                .isInstanceOf(AssertionError.class);
    }

    private static final class PunchesAll extends ForwardingImageIo {
        private static final int PLACE = 16384;

        PunchesAll(ImageIo below) {
            super(below);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            below.punchHole(position / PLACE * PLACE, PLACE);
        }
    }

    private static final class Unflushed extends ForwardingImageIo {
        Unflushed(ImageIo below) {
            super(below);
        }

        @Override
        public void flush() {
            // Forgotten.
        }
    }
}
