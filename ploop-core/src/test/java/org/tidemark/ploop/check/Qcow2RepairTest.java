package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
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
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.SavedFirstDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Golden qcow2 images with random damage to their tables are mended: nothing is wrong any more, every cluster whose entries
 * were not hit reads the same, and the undo file brings every byte back. With a crash at every operation.
 */
public class Qcow2RepairTest {
    private static final String IMAGE = "d0";
    private static final String UNDO = "d0.undo-1";
    private static final long OFFSET = 0x00FFFFFFFFFFFE00L;
    private static final long COPIED = 1L << 63;

    private static final List<String> GOLDEN =
            List.of("v2-snapshots", "v3-bitmaps", "v3-counts-of-64-bits", "v3-tiny-clusters", "v3-zlib", "v3-zstd");

    /** A damaged image, and what clusters must read as after the repair; null where the damage hit. */
    private record Case(SimulatedDisk disk, byte[][] expected, boolean version3) {}

    static LongStream seeds() {
        return Seeds.of(40);
    }

    static LongStream crashSeeds() {
        return Seeds.of(12);
    }

    private static byte[][] clusters(SimulatedDisk disk) throws IOException {
        try (Delta delta = Qcow2Format.open(
                disk.open(IMAGE, OpenMode.READ_ONLY), null, OpenIntent.READ, AllocationCursor.transientCursor())) {
            int clusterBytes = delta.geometry().clusterSizeBytes();
            byte[][] found = new byte[(int) delta.geometry().clusters()][clusterBytes];
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_CLUSTERS * 4);
            AlignedBuffer cluster = AlignedBuffer.allocate(clusterBytes);
            long held = -1;
            for (int i = 0; i < found.length; i++) {
                long number = (i + Delta.PAGE_SHIFT_CLUSTERS) / Delta.PAGE_CLUSTERS;
                if (number != held) {
                    delta.readMapPage(number, page, 0);
                    held = number;
                }
                int physical = page.getInt((int) ((i + Delta.PAGE_SHIFT_CLUSTERS) % Delta.PAGE_CLUSTERS) * 4);
                if (physical != Delta.NOT_ALLOCATED) {
                    found[i] = content(delta, physical, cluster, clusterBytes);
                }
            }
            return found;
        }
    }

    private static byte[] content(Delta delta, int physical, AlignedBuffer cluster, int clusterBytes)
            throws IOException {
        try {
            delta.read(physical, 0, cluster, 0, clusterBytes);
            return TestBytes.bytes(cluster, 0, clusterBytes);
        } catch (ImageException e) {
            // An entry that became one of compressed data: where it points is in order, what is there is not.
            assertThat(e).hasMessageContaining("the compressed data");
            return new byte[0];
        }
    }

    private static void put(SimulatedDisk disk, byte[] bytes) throws IOException {
        try (ImageIo io = disk.exists(IMAGE) ? disk.open(IMAGE, OpenMode.READ_WRITE) : disk.create(IMAGE)) {
            io.truncate(bytes.length);
            io.write(0, TestBytes.buffer(bytes), 0, bytes.length);
            io.flush();
        }
        disk.sync();
    }

    private static Case damaged(Random random) throws IOException {
        String golden = GOLDEN.get(random.nextInt(GOLDEN.size()));
        byte[] bytes = Golden.unpacked(golden + ".qcow2");
        SimulatedDisk disk = new SimulatedDisk();
        put(disk, bytes);
        byte[][] sound = clusters(disk);
        byte[] before = bytes.clone();
        ByteBuffer b = ByteBuffer.wrap(bytes);
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            damage(random, ByteBuffer.wrap(before), b);
        }
        put(disk, bytes);
        return new Case(disk, expected(sound, ByteBuffer.wrap(before), b), b.getInt(4) >= 3);
    }

    /** Tables are hit where they are in the sound image, so that no content is. */
    private static void damage(Random random, ByteBuffer sound, ByteBuffer b) {
        int l1 = (int) sound.getLong(40);
        int l1Entries = sound.getInt(36);
        int clusterBytes = 1 << sound.getInt(20);
        int clusters = sound.capacity() / clusterBytes;
        int l2 = (int) (sound.getLong(l1 + 8 * random.nextInt(l1Entries)) & OFFSET);
        int refcounts = (int) sound.getLong(48);
        int snapshots = (int) sound.getLong(64);
        int block = (int) sound.getLong(refcounts);
        if (l2 == 0) {
            l2 = (int) (sound.getLong(l1) & OFFSET);
        }
        int entry = l2 + 8 * random.nextInt(Math.min(clusterBytes / 8, 64));
        long anyCluster = (long) random.nextInt(clusters) * clusterBytes;
        switch (random.nextInt(14)) {
            case 0 -> b.putLong(entry, random.nextLong());
            case 1 -> b.putLong(entry, b.getLong(entry) ^ 1L << random.nextInt(64));
            case 2 -> b.putLong(entry, b.getLong(l2 + 8 * random.nextInt(clusterBytes / 8)));
            case 3 -> b.putLong(entry, COPIED | l1);
            case 4 -> b.putLong(entry, COPIED | block);
            case 5 -> b.putLong(entry, COPIED | anyCluster);
            case 6 -> b.putLong(l1 + 8 * random.nextInt(l1Entries), COPIED | anyCluster);
            case 7 -> b.putLong(l1 + 8 * random.nextInt(l1Entries), random.nextLong());
            case 8 ->
                b.putShort(block + 2 * random.nextInt(Math.min(clusters, clusterBytes / 2)), (short) random.nextInt(3));
            case 9 -> b.putLong(refcounts + 8 * random.nextInt(2), random.nextInt(3) == 0 ? 0 : anyCluster);
            case 10 -> b.putLong(refcounts + 8, random.nextLong());
            case 11 -> {
                if (b.getInt(60) > 0) {
                    b.putLong(snapshots, random.nextBoolean() ? b.getLong(40) : random.nextLong());
                }
            }
            case 12 -> {
                if (b.getInt(60) > 0) {
                    b.putInt(snapshots + 36, random.nextInt());
                } else if (b.getInt(4) >= 3) {
                    b.putLong(72, b.getLong(72) | 1 + random.nextInt(3));
                }
            }
            default -> {
                if (random.nextInt(4) == 0) {
                    b.putLong(random.nextBoolean() ? 40 : 48, random.nextBoolean() ? l2 : b.getLong(48));
                } else {
                    b.putLong(entry, b.getLong(entry) ^ COPIED);
                }
            }
        }
    }

    /** By a reader of its own: clusters whose L1 entry, table, entry and content are what they were. */
    private static byte[][] expected(byte[][] sound, ByteBuffer before, ByteBuffer after) {
        int bits = before.getInt(20);
        int clusterBytes = 1 << bits;
        int perTable = clusterBytes / 8;
        byte[][] expected = new byte[sound.length][];
        if (before.getLong(40) != after.getLong(40)) {
            return expected;
        }
        for (int i = 0; i < sound.length; i++) {
            int l1 = (int) before.getLong(40) + i / perTable * 8;
            if (before.getLong(l1) != after.getLong(l1)) {
                continue;
            }
            int l2 = (int) (before.getLong(l1) & OFFSET);
            if (l2 == 0) {
                expected[i] = sound[i];
                continue;
            }
            int at = l2 + i % perTable * 8;
            long was = before.getLong(at);
            long is = after.getLong(at);
            if ((was & ~COPIED) == (is & ~COPIED)) {
                expected[i] = sound[i];
            } else {
                expected[i] = sharedData(before, after, was, is, bits);
            }
        }
        return expected;
    }

    /** An entry that names the data of another cluster reads as that, then and afterwards. */
    private static byte[] sharedData(ByteBuffer before, ByteBuffer after, long was, long is, int bits) {
        long place = is & OFFSET;
        boolean plain = (is & ~(OFFSET | COPIED)) == 0 && place > 0 && place % (1 << bits) == 0;
        if (!plain || place + (1 << bits) > after.capacity() || !isData(before, place, bits)) {
            return null;
        }
        byte[] content = new byte[1 << bits];
        after.get((int) place, content);
        return content;
    }

    private static boolean isData(ByteBuffer b, long place, int bits) {
        int l1 = (int) b.getLong(40);
        for (int i = 0; i < b.getInt(36); i++) {
            int l2 = (int) (b.getLong(l1 + i * 8) & OFFSET);
            for (int j = 0; l2 != 0 && j < 1 << bits - 3; j++) {
                long entry = b.getLong(l2 + j * 8);
                if ((entry & 1L << 62) == 0 && (entry & OFFSET) == place) {
                    return true;
                }
            }
        }
        return false;
    }

    private static byte[] bytes(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            return TestBytes.read(io, 0, (int) io.size());
        }
    }

    private static List<Finding> check(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            return ChainCheck.run(io).findings();
        }
    }

    private static void requireMended(Case image, SimulatedDisk disk) throws IOException {
        assertThat(check(disk)).allMatch(finding -> finding instanceof Finding.BitmapNotStored);
        byte[][] found = clusters(disk);
        assertThat(found.length).isEqualTo(image.expected().length);
        for (int i = 0; i < found.length; i++) {
            if (image.expected()[i] != null) {
                assertThat(Arrays.equals(found[i], image.expected()[i]))
                        .as("cluster " + i)
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyDamageIsMendedAndCanBePutBack(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            for (int i = 0; i < 4; i++) {
                Case image = damaged(random);
                byte[] before = bytes(image.disk());
                try {
                    Qcow2Repair.run(image.disk(), IMAGE, UNDO);
                } catch (ImageException e) {
                    // The header itself names no table that can be; nothing was touched.
                    assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
                    assertThat(image.disk().list()).containsExactly(IMAGE);
                    assertThat(Arrays.mismatch(bytes(image.disk()), before)).isEqualTo(-1);
                    continue;
                }
                requireMended(image, image.disk().crash(CrashPlan.dropAll()));
                UndoFile.putBack(image.disk(), UNDO);
                assertThat(Arrays.mismatch(bytes(image.disk().crash(CrashPlan.dropAll())), before))
                        .isEqualTo(-1);
                assertThat(image.disk().list()).containsExactly(IMAGE);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("crashSeeds")
    void aCrashAnywhereCanBeMendedAndPutBack(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> survive(random, SavedFirstDirectory::new));
    }

    private static void survive(Random random, UnaryOperator<ImageDirectory> broken) throws IOException {
        Case image = damaged(random);
        SimulatedDisk start = image.disk().crash(CrashPlan.applyAll());
        byte[] before = bytes(start);
        boolean powered = false;
        for (int operation = 1; !powered; operation += 1 + random.nextInt(16)) {
            SimulatedDisk disk = start.crash(random);
            disk.faults().powerOffAt(disk.faults().operations() + operation);
            try {
                Qcow2Repair.run(broken.apply(disk), IMAGE, UNDO);
                powered = true;
            } catch (ImageException e) {
                assertThat(disk.list()).containsExactly(IMAGE);
                return;
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("no power");
            }
            SimulatedDisk after = disk.crash(random);
            if (after.exists(UNDO) && random.nextBoolean()) {
                putBackWithACrash(random, broken, after, before);
                continue;
            }
            Qcow2Repair.run(broken.apply(after), IMAGE, ExpandedRepair.freeUndoName(after, IMAGE));
            requireMended(image, after.crash(random));
        }
    }

    /** One repair, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Case image = repairable(random);
        SimulatedDisk start = image.disk().twin();
        byte[] before = bytes(start);
        brokenOff.run(start, random, program, folder -> Qcow2Repair.run(new SavedFirstDirectory(folder), IMAGE, UNDO));
        SimulatedDisk after = brokenOff.next(start, random);
        if (after.exists(UNDO) && random.nextBoolean()) {
            putBackWithACrash(random, SavedFirstDirectory::new, after, before);
            return;
        }
        Qcow2Repair.run(new SavedFirstDirectory(after), IMAGE, ExpandedRepair.freeUndoName(after, IMAGE));
        requireMended(image, after.crash(random));
    }

    private static Case repairable(Random random) throws IOException {
        while (true) {
            Case image = damaged(random);
            try {
                Qcow2Repair.run(image.disk().twin(), IMAGE, UNDO);
                return image;
            } catch (ImageException e) {
                // The header itself names no table that can be.
                assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
            }
        }
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

    @Test
    void anImageThatWasUsedSinceIsNotPutBack() throws IOException {
        byte[] golden = Golden.unpacked("v3-bitmaps.qcow2");
        ByteBuffer b = ByteBuffer.wrap(golden);
        b.putLong((int) b.getLong((int) b.getLong(40)) & Integer.MAX_VALUE, 1L << 40);
        SimulatedDisk disk = new SimulatedDisk();
        put(disk, golden);
        Qcow2Repair.run(disk, IMAGE, UNDO);
        try (Delta delta = Qcow2Format.open(
                disk.open(IMAGE, OpenMode.READ_WRITE), null, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
            delta.markInUse();
            delta.reserve();
            delta.flush();
        }
        byte[] before = bytes(disk);
        assertThatThrownBy(() -> UndoFile.putBack(disk, UNDO))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("changed after the repair");
        assertThat(Arrays.mismatch(bytes(disk), before)).isEqualTo(-1);
    }
}
