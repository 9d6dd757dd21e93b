package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of a qcow2 image on a disk in memory: with shared, compressed, zero and partial clusters, counts of all
 * widths, with and without a backing file; requests, restarts, kills and power cuts anywhere, also during recovery. After
 * each the file may at worst have leaked clusters, every sector holds a legal value, and the backing file and every
 * snapshot are what they were.
 */
public final class Qcow2CrashRun extends DeviceRun {
    private static final int DISK = 1 << 20;
    /** Bytes of the disk that the run writes to and looks at. */
    private static final int SIZE = 150 * 1024 + 512;

    private static final List<String> GOLDEN = List.of(
            "v2-snapshots",
            "v3-tiny-clusters",
            "v3-zstd",
            "v3-zlib",
            "v3-counts-of-1-bit",
            "v3-counts-of-64-bits",
            "v3-bitmaps");
    private static final String TOP = "top";
    private static final String BASE = "base";

    private final List<String> snapshots;
    private final List<byte[]> sealed = new ArrayList<>();
    private final boolean hasBase;
    private final boolean third;
    private final int filledBytes;

    Qcow2CrashRun(Random random, Breakage breakage) throws IOException {
        this(random, breakage, 0);
    }

    /**
     * @param filledBytes data there is before what the run looks at, in clusters of 512 bytes with counts of 64 bits; 0 for
     *     an image of any shape
     */
    private Qcow2CrashRun(Random random, Breakage breakage, int filledBytes) throws IOException {
        super(random, breakage, SIZE);
        this.filledBytes = filledBytes;
        boolean golden = filledBytes == 0 && random.nextBoolean();
        this.hasBase = filledBytes == 0 && !golden && random.nextBoolean();
        List<String> named = List.of();
        if (filledBytes > 0) {
            try (ImageIo io = disk.create(TOP)) {
                byte[] image = Filled.image(filledBytes);
                TestBytes.write(io, 0, image);
                io.flush();
            }
            disk.sync();
        } else if (golden) {
            String name = GOLDEN.get(random.nextInt(GOLDEN.size()));
            Golden.put(disk, name + ".qcow2", TOP);
            named = switch (name) {
                case "v2-snapshots" -> List.of("first", "second");
                case "v3-tiny-clusters" -> List.of("only");
                case "v3-zlib" -> List.of("packed");
                default -> List.of();
            };
        } else {
            create();
        }
        this.snapshots = named;
        for (String snapshot : snapshots) {
            sealed.add(content(snapshot));
        }
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            third = Qcow2Header.read(io).version() >= 3;
        }
        open();
        byte[] content = new byte[SIZE];
        read(0, content);
        model.wrote(0, content);
        model.flushEnded(model.flushBegins());
    }

    /** A short life. */
    public static void shortly(Random random) throws IOException {
        new Qcow2CrashRun(random, Breakage.NONE).goShortly();
    }

    /** A short life of an image whose refcount table is full, or nearly: it grows and moves. */
    public static void tableGrows(Random random) throws IOException {
        new Qcow2CrashRun(random, Breakage.NONE, (3850 + 10 * random.nextInt(11)) * 512).goShortly();
    }

    static void tableGrows(Random random, Breakage breakage) throws IOException {
        new Qcow2CrashRun(random, breakage, 3900 * 512).goShortly();
    }

    /** Clusters of the refcount table after such a life; one is what it had before. */
    static int tablesAfterGrowth(Random random) throws IOException {
        Qcow2CrashRun run = new Qcow2CrashRun(random, Breakage.NONE, 3900 * 512);
        run.go(40);
        try (ImageIo io = run.disk.open(TOP, OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io).refcountTableClusters();
        }
    }

    /** Images with a refcount table of one cluster, which has room for 4096 clusters; made once, copied by every life. */
    private static final class Filled {
        private static final int DISK_BYTES = 3 << 20;
        private static final Map<Integer, byte[]> IMAGES = new ConcurrentHashMap<>();

        static byte[] image(int bytes) throws IOException {
            byte[] known = IMAGES.get(bytes);
            if (known == null) {
                known = make(bytes);
                IMAGES.put(bytes, known);
            }
            return known;
        }

        private static byte[] make(int bytes) throws IOException {
            SimulatedDisk disk = new SimulatedDisk();
            try (ImageIo io = disk.create(TOP)) {
                Qcow2Format.create(
                        io, new DeltaGeometry(DISK_BYTES, 512), new CreateOptions(3, 6, false, false, false, "", ""));
            }
            Delta delta = new Qcow2Format()
                    .open(disk.open(TOP, OpenMode.READ_WRITE), OpenIntent.WRITE, 0, AllocationCursor.transientCursor());
            delta.markInUse();
            PloopDevice device = new PloopDevice("test", List.of(delta), StateArea.inMemory(), null, 4);
            device.write(0, TestBytes.buffer(TestBytes.random(new Random(bytes), bytes)), 0, bytes);
            device.detach();
            try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
                return TestBytes.read(io, 0, (int) io.size());
            }
        }
    }

    @Override
    void pieces(int offset, int length, Piece piece) throws IOException {
        piece.run((long) filledBytes + offset, 0, length);
    }

    private void create() throws IOException {
        int clusterBits = 9 + random.nextInt(5);
        boolean newer = random.nextInt(4) > 0;
        boolean subclusters = newer && random.nextInt(4) == 0;
        int order = newer ? random.nextInt(7) : 4;
        CreateOptions options =
                new CreateOptions(newer ? 3 : 2, order, newer && random.nextBoolean(), subclusters, false, "", "");
        if (hasBase) {
            // Another cluster size, or sometimes the same, with compressed clusters in it.
            Golden.put(disk, "v3-zlib.qcow2", BASE);
            options = options.withBacking(BASE, Qcow2Format.ID);
        }
        try (ImageIo io = disk.create(TOP)) {
            Qcow2Format.create(io, new DeltaGeometry(DISK, subclusters ? 16384 : 1 << clusterBits), options);
        }
        disk.sync();
    }

    @Override
    ImageDirectory wrapped(ImageDirectory below) {
        return breakage.ordered() ? new OrderCheckedDirectory(below) : below;
    }

    @Override
    void atTheEnd() throws IOException {
        checkFiles(false);
        // Recovery collects what was leaked, so then nothing at all is wrong.
        folder = process();
        PloopDevice again = open(OpenIntent.RECOVER, new KeptState());
        again.detach();
        PloopDevice last = open(OpenIntent.WRITE, new KeptState());
        AlignedBuffer found = AlignedBuffer.allocate(SIZE);
        model.checkAfterCrash((offset, dst) -> {
            last.read(filledBytes + offset, found, 0, dst.length);
            found.bytes().get(0, dst);
        });
        last.detach();
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings())
                    .filteredOn(one -> !(one instanceof Finding.BitmapNotStored))
                    .isEmpty();
        }
        checkSealed();
    }

    @Override
    boolean inUse() throws IOException {
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io).dirty();
        }
    }

    /** Version 2 has no mark. */
    @Override
    boolean markTellsAll() {
        return third;
    }

    @Override
    PloopDevice open(OpenIntent intent, KeptState with) throws IOException {
        List<ChainFiles.Link> links = new ArrayList<>();
        if (hasBase) {
            links.add(new ChainFiles.Link(folder, BASE, Qcow2Format.ID));
        }
        links.add(new ChainFiles.Link(folder, TOP, Qcow2Format.ID));
        ChainFiles files = new ChainFiles("test", folder, links, Optional.empty(), 0);
        List<Delta> deltas = new ArrayList<>(
                ImageChain.open(files, intent, PloopDevice.cursor(with)).deltas());
        int last = deltas.size() - 1;
        deltas.set(last, breakage.top().apply(deltas.get(last)));
        deltas.get(last).markInUse();
        return new PloopDevice("test", deltas, with, null, 4);
    }

    /** Nothing but lost space may be wrong. */
    @Override
    void checkFiles(boolean open) throws IOException {
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            for (Finding finding : ChainCheck.run(io).findings()) {
                boolean mayBe = finding instanceof Finding.LeakedClusters
                        || finding instanceof Finding.CopiedMismatch mismatch && !mismatch.copied()
                        || finding instanceof Finding.BitmapNotStored
                        || (open && finding instanceof Finding.MarkedInUse);
                assertThat(mayBe).as(finding.describe()).isTrue();
            }
        }
        if (random.nextInt(4) == 0) {
            checkSealed();
        }
    }

    private void checkSealed() throws IOException {
        for (int i = 0; i < snapshots.size(); i++) {
            assertThat(content(snapshots.get(i)))
                    .as("snapshot " + snapshots.get(i))
                    .isEqualTo(sealed.get(i));
        }
    }

    private byte[] content(String snapshot) throws IOException {
        Delta delta = Qcow2Format.openSnapshot(disk.open(TOP, OpenMode.READ_ONLY), null, snapshot);
        try (PloopDevice then = new PloopDevice(snapshot, List.of(delta), StateArea.inMemory(), null, 4)) {
            AlignedBuffer whole = AlignedBuffer.allocate(DISK);
            then.read(0, whole, 0, DISK);
            byte[] bytes = new byte[DISK];
            whole.bytes().get(0, bytes);
            return bytes;
        }
    }
}
