package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SavedFirstDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Images with random faults are mended: what was readable before reads the same, nothing is wrong any more, and the undo file
 * brings every byte back. With a crash at every operation.
 */
public class ExpandedRepairTest {
    private static final int CLUSTER = 32768;
    private static final int CLUSTERS = 60;
    private static final int USED = 12;
    private static final String UNDO = "d0.undo-1";

    /** An image with faults, and what each cluster of its disk must read as after the repair. */
    private record Case(SimulatedDisk disk, byte[][] expected, boolean damaged) {}

    static LongStream seeds() {
        return Seeds.of(20);
    }

    private static Case faulty(Random random) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
        try (ImageIo io = disk.create("d0")) {
            new ExpandedFormat()
                    .create(
                            io,
                            new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER),
                            new ExpandedLayout(version, false));
        }
        disk.sync();
        byte[][] expected = new byte[CLUSTERS][CLUSTER];
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        for (int cluster = 0; cluster < USED; cluster++) {
            random.nextBytes(expected[cluster]);
            device.write((long) cluster * CLUSTER, TestBytes.buffer(expected[cluster]), 0, CLUSTER);
        }
        device.detach();
        boolean damaged = false;
        try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
            int unit = version == ExpandedVersion.V1 ? CLUSTER / 512 : 1;
            for (int i = random.nextInt(5) + 1; i > 0; i--) {
                int victim = USED + random.nextInt(CLUSTERS - USED);
                switch (random.nextInt(10)) {
                    case 0 -> {
                        int owner = random.nextInt(USED);
                        word(io, 64 + 4 * victim, word(io, 64 + 4 * owner));
                        expected[victim] = expected[owner];
                        damaged = true;
                    }
                    case 1 -> {
                        word(io, 64 + 4 * victim, (USED + 1 + random.nextInt(100)) * unit);
                        expected[victim] = new byte[CLUSTER];
                        damaged = true;
                    }
                    case 2 -> {
                        word(io, 64 + 4 * victim, 0xFFFFFFFF);
                        expected[victim] = new byte[CLUSTER];
                        damaged = true;
                    }
                    case 3 -> {
                        if (version == ExpandedVersion.V1) {
                            word(io, 64 + 4 * victim, 3 * unit + 8);
                            expected[victim] = TestBytes.read(io, (3L * unit + 8) * 512, CLUSTER);
                            damaged = true;
                        }
                    }
                    case 4 -> word(io, 64 + 4 * (CLUSTERS + random.nextInt(200)), random.nextInt());
                    case 5 -> word(io, 44, ExpandedHeader.MARK_IN_USE);
                    case 6 -> word(io, 52, 0x40 + random.nextInt(4) / 2 * 0x100);
                    case 7 -> {
                        word(io, 44, ExpandedHeader.MARK_CLOSED_V21);
                        word(io, 56, (2 + random.nextInt(20)) * CLUSTER / 512);
                    }
                    case 8 -> {
                        word(io, 36, (1 + random.nextInt(USED - 1)) * CLUSTER / 512);
                        damaged = true;
                    }
                    default -> io.truncate(io.size() / CLUSTER * CLUSTER + 512L * random.nextInt(CLUSTER / 512));
                }
            }
            io.flush();
        }
        return new Case(disk, expected, damaged);
    }

    private static int word(ImageIo io, int offset) throws IOException {
        AlignedBuffer word = AlignedBuffer.allocate(4);
        io.read(offset, word, 0, 4);
        return word.getInt(0);
    }

    private static void word(ImageIo io, int offset, int value) throws IOException {
        AlignedBuffer word = AlignedBuffer.allocate(4);
        word.putInt(0, value);
        io.write(offset, word, 0, 4);
    }

    private static byte[] bytes(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            return TestBytes.read(io, 0, (int) io.size());
        }
    }

    private static CheckReport check(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            return ChainCheck.run(io);
        }
    }

    private static void requireMended(Case image, SimulatedDisk disk) throws IOException {
        assertThat(check(disk).findings()).allMatch(finding -> finding.severity() == Severity.NOTE);
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTER);
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            device.read((long) cluster * CLUSTER, found, 0, CLUSTER);
            assertThat(Arrays.equals(TestBytes.bytes(found, 0, CLUSTER), image.expected()[cluster]))
                    .as("cluster " + cluster)
                    .isTrue();
        }
        device.close();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyFaultIsFoundMendedAndCanBePutBack(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            Case image = faulty(random);
            assertThat(check(image.disk()).damaged()).isEqualTo(image.damaged());
            byte[] before = bytes(image.disk());
            ExpandedRepair.run(image.disk(), "d0", UNDO);
            assertThat(UndoFile.imageOf(image.disk(), UNDO)).isEqualTo("d0");
            requireMended(image, image.disk().crash(CrashPlan.dropAll()));
            UndoFile.putBack(image.disk(), UNDO);
            assertThat(Arrays.mismatch(bytes(image.disk().crash(CrashPlan.dropAll())), before))
                    .isEqualTo(-1);
            assertThat(image.disk().list()).containsExactly("d0");
        });
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aCrashAnywhereCanBeMendedAndPutBack(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> survive(random, SavedFirstDirectory::new));
    }

    private static void survive(Random random, UnaryOperator<ImageDirectory> broken) throws IOException {
        Case image = faulty(random);
        SimulatedDisk start = image.disk().crash(CrashPlan.applyAll());
        byte[] before = bytes(start);
        boolean powered = false;
        for (int operation = 1; !powered; operation++) {
            powered = mendWithACrash(image, start, before, operation, random, broken);
        }
    }

    /** Besides, no entry comes to name a copy that is not durable. */
    private static ImageDirectory watched(ImageDirectory folder) {
        return new SavedFirstDirectory(new OrderCheckedDirectory(folder));
    }

    /** One repair with a crash somewhere. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One repair, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Case image = faulty(random);
        SimulatedDisk start = image.disk().twin();
        byte[] before = bytes(start);
        brokenOff.run(start, random, program, folder -> ExpandedRepair.run(watched(folder), "d0", UNDO));
        goOn(image, brokenOff.next(start, random), before, random, SavedFirstDirectory::new);
    }

    private static boolean mendWithACrash(
            Case image,
            SimulatedDisk start,
            byte[] before,
            int operation,
            Random random,
            UnaryOperator<ImageDirectory> broken)
            throws IOException {
        boolean powered = false;
        SimulatedDisk disk = start.crash(random);
        disk.faults().powerOffAt(disk.faults().operations() + operation);
        try {
            ExpandedRepair.run(broken.apply(disk), "d0", UNDO);
            powered = true;
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("no power");
        }
        goOn(image, disk.crash(random), before, random, broken);
        return powered;
    }

    private static void goOn(
            Case image, SimulatedDisk after, byte[] before, Random random, UnaryOperator<ImageDirectory> broken)
            throws IOException {
        if (after.exists(UNDO) && random.nextBoolean()) {
            putBackWithACrash(random, broken, after, before);
            return;
        }
        ExpandedRepair.run(broken.apply(after), "d0", ExpandedRepair.freeUndoName(after, "d0"));
        requireMended(image, after.crash(random));
    }

    private static void putBackWithACrash(
            Random random, UnaryOperator<ImageDirectory> broken, SimulatedDisk disk, byte[] before) throws IOException {
        SimulatedDisk now = disk;
        for (int attempt = 0; attempt < 4 && now.exists(UNDO); attempt++) {
            if (attempt < 3) {
                now.faults().powerOffAt(now.faults().operations() + 1 + random.nextInt(25));
            }
            try {
                UndoFile.putBack(broken.apply(now), UNDO);
            } catch (ImageException e) {
                // Its first bytes did not reach the medium: then nothing was changed either.
                assertThat(e.kind()).isEqualTo(ImageException.Kind.NOT_AN_IMAGE);
                assertThat(Arrays.mismatch(bytes(now.crash(random)), before)).isEqualTo(-1);
                return;
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("no power");
            }
            now = now.crash(random);
        }
        assertThat(Arrays.mismatch(bytes(now), before)).isEqualTo(-1);
    }

    /**
     * An entry that names a cluster behind the end of the file, one that begins shortly before the end, and others that share
     * clusters, so that the file grows: a repair that is started again must not take a copy for what those entries name.
     */
    @Test
    void whatPointsBehindTheEndNeverComesToNameACopy() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create("d0")) {
            new ExpandedFormat()
                    .create(
                            io,
                            new DeltaGeometry((long) CLUSTERS * CLUSTER, CLUSTER),
                            new ExpandedLayout(ExpandedVersion.V1, false));
        }
        disk.sync();
        byte[][] expected = new byte[CLUSTERS][CLUSTER];
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        for (int cluster = 0; cluster < 3; cluster++) {
            new Random(cluster).nextBytes(expected[cluster]);
            device.write((long) cluster * CLUSTER, TestBytes.buffer(expected[cluster]), 0, CLUSTER);
        }
        device.detach();
        int unit = CLUSTER / 512;
        try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
            for (int i = 0; i < 3; i++) {
                word(io, 64 + 4 * (10 + i), word(io, 64 + 4 * i));
                expected[10 + i] = expected[i];
            }
            int next = (int) (io.size() / CLUSTER) * unit;
            word(io, 64 + 4 * 20, next + unit);
            word(io, 64 + 4 * 21, next - 3);
            expected[21] = Arrays.copyOf(TestBytes.read(io, io.size() - 3 * 512, 3 * 512), CLUSTER);
            io.flush();
        }
        Case image = new Case(disk, expected, true);
        boolean done = false;
        for (int changes = 0; !done; changes++) {
            for (int seed = 0; seed < 6; seed++) {
                SimulatedDisk now = disk.twin();
                MortalDirectory mortal = new MortalDirectory(now);
                mortal.killAfter(changes);
                try {
                    ExpandedRepair.run(mortal, "d0", UNDO);
                    done = true;
                } catch (Killed e) {
                    // The machine goes down here.
                }
                CrashPlan plan = seed == 0 ? CrashPlan.applyAll() : CrashPlan.random(new Random(seed));
                SimulatedDisk after = now.crash(plan);
                ExpandedRepair.run(after, "d0", ExpandedRepair.freeUndoName(after, "d0"));
                requireMended(image, after);
            }
        }
    }

    private static ImageDirectory withoutFlush(ImageDirectory below, boolean ofUndo) {
        return new ForwardingDirectory(below, file -> new ForwardingImageIo(file) {
            @Override
            public void flush() throws IOException {
                if (name().contains(".undo-") != ofUndo) {
                    super.flush();
                }
            }
        });
    }

    /** Negative controls. */
    @Test
    void theTestNoticesWhatIsMissing() {
        for (boolean ofUndo : new boolean[] {true, false}) {
            List<Throwable> caught = new ArrayList<>();
            for (int seed = 1; seed < 200 && caught.isEmpty(); seed++) {
                try {
                    survive(new Random(seed), folder -> withoutFlush(folder, ofUndo));
                } catch (AssertionError | IOException e) {
                    caught.add(e);
                }
            }
            assertThat(caught)
                    .as(ofUndo ? "undo file not flushed" : "image not flushed")
                    .isNotEmpty();
        }
    }

    /** Negative controls of the order check, which needs no crash. */
    @Test
    void theOrderCheckNoticesWhatIsMissing() throws IOException {
        Case image = faulty(new Random(5));
        for (boolean ofUndo : new boolean[] {true, false}) {
            assertThatThrownBy(() -> ExpandedRepair.run(
                            withoutFlush(new SavedFirstDirectory(image.disk().twin()), ofUndo), "d0", UNDO))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining(ofUndo ? "how it was is not durable" : "is changed before it is durably");
        }
    }

    /** A disk may end within a cluster; the level above it, or the descriptor, knows where. */
    @Test
    void aSizeThatHidesEntriesBecomesThatOfWhatLiesAbove() throws IOException {
        for (int sectors : new int[] {CLUSTERS * CLUSTER / 512, CLUSTERS * CLUSTER / 512 - 7}) {
            SimulatedDisk disk = faulty(new Random(5)).disk();
            try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
                word(io, 36, CLUSTER / 512);
                io.flush();
            }
            ExpandedRepair.run(disk, "d0", UNDO, sectors * 512L);
            try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
                assertThat(word(io, 36)).isEqualTo(sectors);
                assertThat(ChainCheck.run(io).findings()).allMatch(finding -> finding.severity() == Severity.NOTE);
            }
        }
    }

    @Test
    void anImageThatWasUsedSinceIsNotPutBack() throws IOException {
        Case image = faulty(new Random(5));
        ExpandedRepair.run(image.disk(), "d0", UNDO);
        PloopDevice device = Chains.open(image.disk(), 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(50L * CLUSTER, TestBytes.buffer(TestBytes.filled(CLUSTER, 9)), 0, CLUSTER);
        device.detach();
        byte[] before = bytes(image.disk());
        assertThatThrownBy(() -> UndoFile.putBack(image.disk(), UNDO))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("changed after the repair");
        assertThat(Arrays.mismatch(bytes(image.disk()), before)).isEqualTo(-1);
    }

    @Test
    void whateverIsNoUndoFileIsRefused() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        Random random = new Random(8);
        for (int length : new int[] {0, 3, 16, 40, 2000}) {
            try (ImageIo io = disk.create("u" + length)) {
                TestBytes.write(io, 0, TestBytes.random(random, Math.max(1, length)));
            }
            assertThatThrownBy(() -> UndoFile.putBack(disk, "u" + length)).isInstanceOf(ImageException.class);
        }
    }
}
