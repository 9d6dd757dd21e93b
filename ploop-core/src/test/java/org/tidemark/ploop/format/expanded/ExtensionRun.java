package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.EveryCrash;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * Bitmaps are stored in an image that has others, or none, with a power cut somewhere: the image has the old ones or the new
 * ones, whole, and nothing else in it changed.
 */
public final class ExtensionRun {
    private static final int CLUSTER_SECTORS = 64;
    private static final int CLUSTER = CLUSTER_SECTORS * 512;
    private static final int USED = 4;
    private static final String IMAGE = "d0";

    private ExtensionRun() {}

    /** One image, some bitmaps, one power cut. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** The same, broken off in this or that way. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        // Sometimes so large that the bits take more than one cluster.
        int diskSectors = random.nextInt(3) == 0 ? 5000 * CLUSTER_SECTORS : 60 * CLUSTER_SECTORS;
        byte[] content = image(random, disk, diskSectors);
        List<StoredBitmap> before = random.nextBoolean() ? bitmaps(random, diskSectors) : List.of();
        if (!before.isEmpty()) {
            try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
                StoredBitmaps.write(io, before);
            }
        }
        List<StoredBitmap> after = bitmaps(random, diskSectors);
        boolean done = brokenOff.run(disk, random, program, folder -> store(folder, after));
        SimulatedDisk then = brokenOff.next(disk, random);
        check(then, content, done ? List.of(after) : List.of(before, after));
        store(new OrderCheckedDirectory(then), after);
        check(then.crash(CrashPlan.dropAll()), content, List.of(after));
    }

    /** Every power cut while bitmaps take the place of others; how many there were. */
    static long everyPowerCut(int bound, UnaryOperator<ImageDirectory> program) throws IOException {
        Random random = new Random(1);
        SimulatedDisk disk = new SimulatedDisk();
        byte[] content = image(random, disk, 60 * CLUSTER_SECTORS);
        List<StoredBitmap> before = bitmaps(random, 60 * CLUSTER_SECTORS);
        store(disk, before);
        List<StoredBitmap> after = bitmaps(random, 60 * CLUSTER_SECTORS);
        return EveryCrash.of(disk.twin(), bound, own -> new EveryCrash.Trial() {
            @Override
            public void work(ImageDirectory folder) throws IOException {
                store(program.apply(folder), after);
            }

            @Override
            public void check(SimulatedDisk then, boolean finished) throws IOException {
                ExtensionRun.check(then, content, finished ? List.of(after) : List.of(before, after));
                store(then, after);
                ExtensionRun.check(then.crash(CrashPlan.dropAll()), content, List.of(after));
            }
        });
    }

    /** A few clusters at the end of the disk, the last four of its entries. */
    private static byte[] image(Random random, SimulatedDisk disk, int diskSectors) throws IOException {
        ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
        OddImages.create(disk, IMAGE, version, CLUSTER_SECTORS, CLUSTER_SECTORS, diskSectors);
        byte[] content = TestBytes.random(random, USED * CLUSTER);
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            TestBytes.write(io, header.dataStartBytes(), content);
            byte[] entries = new byte[USED * 4];
            java.nio.ByteBuffer words = java.nio.ByteBuffer.wrap(entries).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < USED; i++) {
                words.putInt(i * 4, header.grid().entryOf(header.firstDataCluster() + i));
            }
            TestBytes.write(io, 64 + 4 * (header.entries() - USED), entries);
            io.flush();
        }
        disk.sync();
        return content;
    }

    private static List<StoredBitmap> bitmaps(Random random, int diskSectors) {
        List<StoredBitmap> bitmaps = new ArrayList<>();
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            int granularity = random.nextBoolean() ? 1 : 128;
            BitSet dirty = new BitSet();
            int bits = diskSectors / granularity;
            for (int n = random.nextInt(20); n > 0; n--) {
                dirty.set(random.nextInt(bits));
            }
            bitmaps.add(
                    new StoredBitmap(new UUID(random.nextLong(), random.nextLong()), diskSectors, granularity, dirty));
        }
        return bitmaps;
    }

    private static void store(ImageDirectory folder, List<StoredBitmap> bitmaps) throws IOException {
        try (ImageIo io = folder.open(IMAGE, OpenMode.READ_WRITE)) {
            StoredBitmaps.write(io, bitmaps);
        }
    }

    private static void check(SimulatedDisk disk, byte[] content, List<List<StoredBitmap>> possible)
            throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            assertThat(TestBytes.read(io, header.dataStartBytes(), content.length))
                    .isEqualTo(content);
            assertThat(possible).contains(StoredBitmaps.read(io));
            for (Finding finding : ChainCheck.run(io).findings()) {
                assertThat(finding instanceof Finding.LeakedClusters || finding instanceof Finding.ShortTail)
                        .as(finding.describe())
                        .isTrue();
            }
        }
    }
}
