package org.tidemark.ploop.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.Qcow2OrderCheck;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * Commands on the tables of a qcow2 image, with a power cut somewhere: going back to a snapshot, storing a bitmap. The disk is
 * what it was or what it is to be, every snapshot and every other bitmap is what it was, and at worst clusters are leaked.
 */
public final class CommandRun {
    private static final String IMAGE = "top";
    private static final int LOOKED_AT = 256 << 10;
    private static final Map<String, List<String>> SNAPSHOTS = Map.of(
            "v2-snapshots", List.of("first", "second"),
            "v3-tiny-clusters", List.of("only"),
            "v3-zlib", List.of("packed"));
    private static final List<String> WITH_ROOM =
            List.of("v3-bitmaps", "v3-zlib", "v3-zstd", "v3-counts-of-1-bit", "v3-counts-of-64-bits");

    /** What one bitmap says; null when it says that it knows nothing. */
    private record Said(int granularityBits, @Nullable BitSet granules) {}

    private CommandRun() {}

    /** One restore. */
    public static void restore(Random random) throws IOException {
        restore(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One bitmap. */
    public static void bitmap(Random random) throws IOException {
        bitmap(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    private interface Command {
        void on(ImageIo io) throws IOException;
    }

    /** The same, broken off in this or that way. */
    public static void restore(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        List<String> images = List.copyOf(new TreeMap<>(SNAPSHOTS).keySet());
        String image = images.get(random.nextInt(images.size()));
        SimulatedDisk disk = new SimulatedDisk();
        Golden.put(disk, image + ".qcow2", IMAGE);
        change(random, disk);
        List<String> names = SNAPSHOTS.get(image);
        String wanted = names.get(random.nextInt(names.size()));
        byte[] before = content(disk, null);
        byte[] after = content(disk, wanted);
        Map<String, byte[]> sealed = new TreeMap<>();
        for (String name : names) {
            sealed.put(name, content(disk, name));
        }
        boolean done =
                brokenOff.run(disk, random, program, folder -> run(folder, io -> SnapshotRestore.run(io, wanted)));
        SimulatedDisk then = brokenOff.next(disk, random);
        // Until somebody opens it for writing it may show what a failed flush lost.
        then.open(IMAGE, OpenMode.READ_WRITE).close();
        requireHarmless(then);
        byte[] found = content(then, null);
        assertThat(java.util.Arrays.equals(found, after) || (!done && java.util.Arrays.equals(found, before)))
                .as("the disk is what it was, or what the snapshot is")
                .isTrue();
        recover(then);
        for (String name : names) {
            assertThat(java.util.Arrays.equals(content(then, name), sealed.get(name)))
                    .as("snapshot " + name)
                    .isTrue();
        }
        assertThat(java.util.Arrays.equals(content(then, null), found)).isTrue();
        run(then, io -> SnapshotRestore.run(io, wanted));
        then = then.crash(CrashPlan.dropAll());
        assertThat(java.util.Arrays.equals(content(then, null), after)).isTrue();
        change(random, then);
        for (String name : names) {
            assertThat(java.util.Arrays.equals(content(then, name), sealed.get(name)))
                    .as("snapshot " + name + " after the disk was written to")
                    .isTrue();
        }
        requireHarmless(then);
    }

    /** The same, broken off in this or that way. */
    public static void bitmap(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        Golden.put(disk, WITH_ROOM.get(random.nextInt(WITH_ROOM.size())) + ".qcow2", IMAGE);
        byte[] content = content(disk, null);
        List<String> names = List.of("one", "two", "three");
        for (int i = random.nextInt(3); i > 0; i--) {
            store(disk, names.get(random.nextInt(3)), 9 + random.nextInt(8), new BitSet());
        }
        String name = names.get(random.nextInt(3));
        Map<String, Said> before = bitmaps(disk);
        BitSet wanted = new BitSet();
        for (int n = random.nextInt(20); n > 0; n--) {
            wanted.set(random.nextInt(40));
        }
        int bits = 9 + random.nextInt(8);
        boolean done = brokenOff.run(disk, random, program, folder -> store(folder, name, bits, wanted));
        SimulatedDisk then = brokenOff.next(disk, random);
        // Until somebody opens it for writing it may show what a failed flush lost.
        then.open(IMAGE, OpenMode.READ_WRITE).close();
        requireHarmless(then);
        assertThat(java.util.Arrays.equals(content(then, null), content)).isTrue();
        Map<String, Said> after = new TreeMap<>(before);
        after.put(name, new Said(bits, clipped(then, bits, wanted)));
        Map<String, Said> found = bitmaps(then);
        // Whoever finds the directory half changed is told not to believe it: nothing then is a safe answer.
        assertThat(found.equals(after) || (!done && (found.equals(before) || found.isEmpty())))
                .as(found + " is neither " + before + " nor " + after)
                .isTrue();
        recover(then);
        requireHarmless(then);
        assertThat(java.util.Arrays.equals(content(then, null), content)).isTrue();
        store(then, name, bits, wanted);
        assertThat(bitmaps(then.crash(CrashPlan.dropAll())).get(name)).isEqualTo(after.get(name));
    }

    private static BitSet clipped(SimulatedDisk disk, int granularityBits, BitSet wanted) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            long granules = ((Qcow2Header.read(io).diskSizeBytes() - 1) >>> granularityBits) + 1;
            return wanted.get(0, (int) Math.min(granules, wanted.length()));
        }
    }

    private static void store(ImageDirectory folder, String name, int granularityBits, BitSet granules)
            throws IOException {
        run(folder, io -> BitmapContent.store(io, name, granularityBits, 0, granule -> granules.get((int) granule)));
    }

    private static void run(ImageDirectory folder, Command command) throws IOException {
        try (ImageIo io = Qcow2OrderCheck.watch(folder.open(IMAGE, OpenMode.READ_WRITE))) {
            command.on(io);
        }
    }

    /** Writes here and there, so that clusters are the disk's own, shared, and new. */
    private static void change(Random random, SimulatedDisk disk) throws IOException {
        try (PloopDevice device = open(disk, OpenIntent.WRITE)) {
            AlignedBuffer buffer = AlignedBuffer.allocate(8192);
            byte[] bytes = new byte[8192];
            for (int i = 0; i < 4; i++) {
                random.nextBytes(bytes);
                buffer.bytes().put(0, bytes);
                device.write(
                        random.nextInt((LOOKED_AT - 8192) / 512) * 512L, buffer, 0, 512 + random.nextInt(15) * 512);
            }
            device.detach();
        }
    }

    private static PloopDevice open(SimulatedDisk disk, OpenIntent intent) throws IOException {
        StateArea area = StateArea.inMemory();
        Delta delta = new Qcow2Format()
                .open(
                        new Qcow2OrderCheck(disk.open(IMAGE, OpenMode.READ_WRITE)),
                        intent,
                        0,
                        AllocationCursor.transientCursor());
        delta.markInUse();
        return new PloopDevice(IMAGE, List.of(delta), area, null, 4);
    }

    private static void recover(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            if (!Qcow2Header.read(io).dirty()) {
                return;
            }
        }
        try (PloopDevice device = open(disk, OpenIntent.RECOVER)) {
            device.detach();
        }
    }

    private static byte[] content(SimulatedDisk disk, @Nullable String snapshot) throws IOException {
        ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY);
        Delta delta = snapshot == null
                ? new Qcow2Format().open(io, OpenIntent.READ, 0, AllocationCursor.transientCursor())
                : Qcow2Format.openSnapshot(io, null, snapshot);
        try (PloopDevice device = new PloopDevice(IMAGE, List.of(delta), StateArea.inMemory(), null, 4)) {
            int length = (int) Math.min(LOOKED_AT, device.sizeBytes());
            AlignedBuffer found = AlignedBuffer.allocate(length);
            device.read(0, found, 0, length);
            return TestBytes.bytes(found, 0, length);
        }
    }

    private static Map<String, Said> bitmaps(SimulatedDisk disk) throws IOException {
        Map<String, Said> found = new TreeMap<>();
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            for (Bitmap bitmap : Bitmap.list(io, header)) {
                BitSet granules = new BitSet();
                if (bitmap.inUse()) {
                    found.put(bitmap.name(), new Said(bitmap.granularityBits(), null));
                    continue;
                }
                int bits = bitmap.granularityBits();
                BitmapContent.ranges(
                        io,
                        header,
                        bitmap,
                        (offset, length) ->
                                granules.set((int) (offset >>> bits), (int) ((offset + length - 1) >>> bits) + 1));
                found.put(bitmap.name(), new Said(bits, granules));
            }
        }
        return found;
    }

    private static void requireHarmless(SimulatedDisk disk) throws IOException {
        List<Finding> others = new ArrayList<>();
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            others.addAll(ChainCheck.run(io).findings());
        }
        others.removeIf(finding -> finding instanceof Finding.LeakedClusters
                || finding instanceof Finding.MarkedInUse
                || finding instanceof Finding.CopiedMismatch mismatch && !mismatch.copied()
                || finding instanceof Finding.BitmapNotStored);
        assertThat(others).isEmpty();
    }
}
