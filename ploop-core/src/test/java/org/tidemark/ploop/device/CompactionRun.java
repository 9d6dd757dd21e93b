package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.expanded.OddImages;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.EveryCrash;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A file full of holes is made as short as it can be, with a kill or a power cut somewhere, and once more by whoever comes
 * next: nothing on the disk changes, and in the end the file has no cluster more than the disk needs.
 */
public final class CompactionRun {
    private static final int CLUSTERS = 14;
    private static final String IMAGE = "d0";

    private final Random random;
    private final ExpandedVersion version;
    private final int clusterSectors;
    private final DiskModel model;
    private final UnaryOperator<ImageDirectory> program;
    private SimulatedDisk disk = new SimulatedDisk();

    CompactionRun(Random random, UnaryOperator<ImageDirectory> program) {
        this.random = random;
        this.program = program;
        this.version = ExpandedVersion.values()[random.nextInt(2)];
        this.clusterSectors = random.nextInt(3) == 0 ? 63 : 64;
        this.model = new DiskModel((long) CLUSTERS * clusterSectors * 512);
    }

    /** One file. */
    public static void shortly(Random random) throws IOException {
        new CompactionRun(random, UnaryOperator.identity()).go();
    }

    /** One file, on a disk that fails a write or a flush of it. */
    public static void onFailingDisk(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        new CompactionRun(random, program).goOnFailingDisk(brokenOff);
    }

    private void goOnFailingDisk(BrokenOff brokenOff) throws IOException {
        OddImages.create(disk, IMAGE, version, clusterSectors, clusterSectors, CLUSTERS * clusterSectors);
        disk.sync();
        PloopDevice filled = open(folder(), OpenIntent.WRITE, new KeptState());
        int left = fillWithHoles(filled);
        filled.moveAtClose(0);
        filled.detach();
        brokenOff.run(disk, random, program, this::compactIn);
        disk = brokenOff.next(disk, random);
        requireHarmless();
        compactIn(disk);
        requireCompact(left);
    }

    /** Every power cut in one compaction; how many there were. */
    static long everyPowerCut(long seed, int bound, UnaryOperator<ImageDirectory> program) throws IOException {
        CompactionRun first = new CompactionRun(new Random(seed), program);
        OddImages.create(
                first.disk,
                IMAGE,
                first.version,
                first.clusterSectors,
                first.clusterSectors,
                CLUSTERS * first.clusterSectors);
        first.disk.sync();
        PloopDevice filled = open(first.folder(), OpenIntent.WRITE, new KeptState());
        int left = first.fillWithHoles(filled);
        filled.moveAtClose(0);
        filled.detach();
        return EveryCrash.of(first.disk.twin(), bound, disk -> new EveryCrash.Trial() {
            @Override
            public void work(ImageDirectory folder) throws IOException {
                first.compactIn(program.apply(folder));
            }

            @Override
            public void check(SimulatedDisk after, boolean finished) throws IOException {
                first.disk = after;
                first.requireHarmless();
                first.compactIn(after);
                first.requireCompact(left);
            }
        });
    }

    private void compactIn(ImageDirectory folder) throws IOException {
        boolean inUse;
        try (ImageIo io = folder.open(IMAGE, OpenMode.READ_WRITE)) {
            inUse = ExpandedFormat.readHeader(io).inUse();
        }
        PloopDevice device =
                open(new OrderCheckedDirectory(folder), inUse ? OpenIntent.RECOVER : OpenIntent.WRITE, new KeptState());
        check(device);
        device.moveAtClose(Long.MAX_VALUE);
        device.detach();
    }

    private int clusterBytes() {
        return clusterSectors * 512;
    }

    void go() throws IOException {
        OddImages.create(disk, IMAGE, version, clusterSectors, clusterSectors, CLUSTERS * clusterSectors);
        disk.sync();
        MortalDirectory folder = folder();
        KeptState state = new KeptState();
        PloopDevice device = open(folder, OpenIntent.WRITE, state);
        int left = fillWithHoles(device);
        folder.killAfter(random.nextInt(40));
        boolean alive = compact(device);
        if (!alive && random.nextInt(3) == 0) {
            CrashCount.one();
            folder = folder();
            device = open(folder, OpenIntent.TAKE_OVER, state.successor());
            check(device);
            // What the predecessor had taken to move something there is leaked until the image is opened anew.
            assertThat(compact(device)).isTrue();
            requireHarmless();
            device = open(folder(), OpenIntent.WRITE, new KeptState());
        } else {
            disk = disk.crash(random);
            requireHarmless();
            boolean inUse;
            try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
                inUse = ExpandedFormat.readHeader(io).inUse();
            }
            assertThat(inUse && alive).as("closed, and marked in use").isFalse();
            folder = folder();
            device = open(folder, inUse ? OpenIntent.RECOVER : OpenIntent.WRITE, new KeptState());
        }
        check(device);
        assertThat(compact(device)).isTrue();
        requireCompact(left);
    }

    private void requireCompact(int left) throws IOException {
        disk = disk.crash(CrashPlan.dropAll());
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings()).isEmpty();
            assertThat(io.size() - ExpandedFormat.readHeader(io).dataStartBytes())
                    .as("bytes of the data area with " + left + " clusters in it")
                    .isEqualTo((long) left * clusterBytes());
        }
        check(open(folder(), OpenIntent.WRITE, new KeptState()));
    }

    /** Returns how many clusters have data. */
    private int fillWithHoles(PloopDevice device) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(clusterBytes());
        byte[] bytes = new byte[clusterBytes()];
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            random.nextBytes(bytes);
            buffer.bytes().put(0, bytes);
            device.write((long) cluster * clusterBytes(), buffer, 0, bytes.length);
            model.wrote((long) cluster * clusterBytes(), bytes);
        }
        int left = CLUSTERS;
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            if (random.nextInt(3) == 0) {
                device.discard((long) cluster * clusterBytes(), clusterBytes());
                model.zeroed((long) cluster * clusterBytes(), clusterBytes());
                left--;
            }
        }
        long mark = model.flushBegins();
        device.flush();
        model.flushEnded(mark);
        return left;
    }

    private MortalDirectory folder() {
        return new MortalDirectory(new OrderCheckedDirectory(program.apply(disk)));
    }

    private static PloopDevice open(ImageDirectory folder, OpenIntent intent, KeptState state) throws IOException {
        return Chains.open(folder, 1, intent, state, null);
    }

    private static boolean compact(PloopDevice device) throws IOException {
        try {
            device.moveAtClose(Long.MAX_VALUE);
            device.detach();
            return true;
        } catch (Killed e) {
            return false;
        }
    }

    private void check(PloopDevice device) throws IOException {
        AlignedBuffer found = AlignedBuffer.allocate(CLUSTERS * clusterBytes());
        model.checkVisible((offset, dst) -> {
            device.read(offset, found, 0, dst.length);
            found.bytes().get(0, dst);
        });
    }

    private void requireHarmless() throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings())
                    .allMatch(finding -> finding instanceof Finding.LeakedClusters
                            || finding instanceof Finding.ShortTail
                            || finding instanceof Finding.MarkedInUse);
        }
    }
}
