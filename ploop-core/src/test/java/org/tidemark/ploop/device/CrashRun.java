package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.expanded.OddImages;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.OrderCheckedDirectory;

/**
 * A chain of expanded images of either version and any cluster size, or of a raw one with expanded ones over it. Sealed
 * deltas stay what they are.
 *
 * <p>Only a few clusters are ever used; they lie side by side, or so far apart that they need more map pages than the device
 * keeps.
 */
public final class CrashRun extends DeviceRun {
    static final int CLUSTER = 32 * 1024;
    private static final int MAX_LEVELS = 3;
    private static final int FAR_APART = 400;

    /**
     * What the chain is made of.
     *
     * @param version of the expanded ones
     * @param clusterSectors size of the clusters
     * @param firstBlockSectors what the header says of the data's start
     * @param rawBase whether the base is raw
     * @param hotClusters clusters that are used; the last one is not whole
     * @param stride clusters of the disk for each that is used
     */
    record Shape(
            ExpandedVersion version,
            int clusterSectors,
            int firstBlockSectors,
            boolean rawBase,
            int hotClusters,
            int stride) {
        static final Shape USUAL = new Shape(ExpandedVersion.V2, CLUSTER / 512, CLUSTER / 512, false, 18, 1);
        static final Shape FAR = new Shape(ExpandedVersion.V2, CLUSTER / 512, CLUSTER / 512, false, 18, FAR_APART);

        static Shape expanded(Random random, ExpandedVersion version) {
            return switch (random.nextInt(10)) {
                case 0 -> new Shape(version, 64, 64, false, 18, FAR_APART);
                case 1 -> new Shape(version, 63, 63, false, 5, 1);
                case 2 -> new Shape(version, 504, 504, false, 2, 1);
                case 3 -> new Shape(version, 192, 192, false, 3, 1);
                case 4 ->
                    version == ExpandedVersion.V1
                            ? new Shape(version, 63, 0, false, 5, 1)
                            : new Shape(version, 8, 128, false, 20, 1);
                case 5 ->
                    version == ExpandedVersion.V1
                            ? new Shape(version, 504, 17, false, 2, 1)
                            : new Shape(version, 64, 64, false, 18, 1);
                default -> new Shape(version, 64, 64, false, 3 + random.nextInt(4), 1);
            };
        }

        static Shape raw(Random random) {
            return new Shape(ExpandedVersion.V2, 64, 64, true, 3 + random.nextInt(4), random.nextInt(8) == 0 ? 40 : 1);
        }

        int clusterBytes() {
            return clusterSectors * 512;
        }

        /** Bytes of the disk that the run knows of. */
        int sizeBytes() {
            return (hotClusters - 1) * clusterBytes() + 7 * 512;
        }

        int diskSectors() {
            return (hotClusters - 1) * stride * clusterSectors + 7;
        }
    }

    private final Shape shape;
    private final List<Long> sealed = new ArrayList<>();
    private int levels = 1;

    CrashRun(Random random, Breakage breakage) throws IOException {
        this(random, breakage, random.nextInt(3) == 0 ? Shape.FAR : Shape.USUAL);
    }

    private CrashRun(Random random, Breakage breakage, Shape shape) throws IOException {
        super(random, breakage, shape.sizeBytes());
        this.shape = shape;
        create("d0", shape.rawBase());
        open();
    }

    /** A short life of a chain of version 1. */
    public static void version1(Random random) throws IOException {
        new CrashRun(random, Breakage.NONE, Shape.expanded(random, ExpandedVersion.V1)).goShortly();
    }

    /** A short life of a chain of version 2. */
    public static void version2(Random random) throws IOException {
        new CrashRun(random, Breakage.NONE, Shape.expanded(random, ExpandedVersion.V2)).goShortly();
    }

    /** A short life of a raw image, with expanded ones over it after a while. */
    public static void raw(Random random) throws IOException {
        new CrashRun(random, Breakage.NONE, Shape.raw(random)).goShortly();
    }

    private void create(String name, boolean raw) throws IOException {
        if (raw) {
            try (ImageIo io = folder.create(name)) {
                new RawFormat().create(io, new DeltaGeometry(shape.diskSectors() * 512L, shape.clusterBytes()));
            }
        } else {
            OddImages.create(
                    folder,
                    name,
                    shape.version(),
                    shape.clusterSectors(),
                    shape.firstBlockSectors(),
                    shape.diskSectors());
        }
        folder.sync();
    }

    private boolean isRaw(int level) {
        return shape.rawBase() && level == 0;
    }

    @Override
    ImageDirectory wrapped(ImageDirectory below) {
        return breakage.ordered() ? new OrderCheckedDirectory(below) : below;
    }

    @Override
    PloopDevice open(OpenIntent intent, KeptState with) throws IOException {
        List<Delta> deltas = new ArrayList<>();
        for (int level = 0; level < levels; level++) {
            boolean top = level == levels - 1;
            ImageIo io = folder.open("d" + level, top ? OpenMode.READ_WRITE : OpenMode.READ_ONLY);
            Delta delta = (isRaw(level) ? new RawFormat() : new ExpandedFormat())
                    .open(
                            io,
                            top ? intent : OpenIntent.READ,
                            isRaw(level) ? shape.clusterBytes() : 0,
                            PloopDevice.cursor(top ? with : new KeptState()));
            deltas.add(top ? breakage.top().apply(delta) : breakage.lower().apply(delta));
        }
        deltas.get(levels - 1).markInUse();
        return new PloopDevice("test", deltas, with, null, 4);
    }

    @Override
    boolean inUse() throws IOException {
        if (isRaw(levels - 1)) {
            return true;
        }
        try (ImageIo io = disk.open("d" + (levels - 1), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).inUse();
        }
    }

    @Override
    boolean markTellsAll() {
        return true;
    }

    /** A new level. */
    @Override
    void otherStep() throws IOException {
        if (levels == MAX_LEVELS || isArmed()) {
            return;
        }
        detach();
        sealed.add(checksum("d" + (levels - 1)));
        create("d" + levels, false);
        levels++;
        open();
    }

    /** The run's disk is the device's with everything but the hot clusters left out. */
    @Override
    void pieces(int offset, int length, Piece piece) throws IOException {
        int cluster = shape.clusterBytes();
        for (int done = 0; done < length; ) {
            int at = offset + done;
            int inCluster = at % cluster;
            int part = shape.stride() == 1 ? length : Math.min(cluster - inCluster, length - done);
            piece.run((long) (at / cluster) * shape.stride() * cluster + inCluster, done, part);
            done += part;
        }
    }

    @Override
    void checkFiles(boolean crashed) throws IOException {
        for (int level = 0; level < sealed.size(); level++) {
            assertThat(checksum("d" + level)).as("sealed d" + level).isEqualTo(sealed.get(level));
        }
        for (int level = shape.rawBase() ? 1 : 0; level < levels; level++) {
            try (ImageIo io = disk.open("d" + level, OpenMode.READ_ONLY)) {
                for (Finding finding : ChainCheck.run(io).findings()) {
                    boolean mayBe = finding instanceof Finding.LeakedClusters
                            || aboutShape(finding)
                            || (crashed
                                    && level == levels - 1
                                    && (finding instanceof Finding.MarkedInUse
                                            || finding instanceof Finding.ShortTail));
                    assertThat(mayBe).as(finding.describe()).isTrue();
                }
            }
        }
    }

    /** What is said of every image of such a shape. */
    private static boolean aboutShape(Finding finding) {
        return finding instanceof Finding.Contradiction
                && finding.describe().endsWith("the kernel driver refuses such images");
    }

    private long checksum(String name) throws IOException {
        CRC32C crc = new CRC32C();
        try (ImageIo io = disk.open(name, OpenMode.READ_ONLY)) {
            AlignedBuffer piece = AlignedBuffer.allocate(64 * 1024);
            for (long at = 0; at < io.size(); at += piece.capacity()) {
                int length = (int) Math.min(piece.capacity(), io.size() - at);
                io.read(at, piece, 0, length);
                crc.update(piece.bytes().slice(0, length));
            }
            return crc.getValue() ^ io.size();
        }
    }
}
