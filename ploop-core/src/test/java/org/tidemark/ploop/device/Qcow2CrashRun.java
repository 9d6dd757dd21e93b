package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of a qcow2 image on a disk in memory: with shared, compressed, zero and partial clusters, counts of all
 * widths, with and without a backing file; requests, restarts, kills and power cuts anywhere, also during recovery. After
 * each the file may at worst have leaked clusters, every sector holds a legal value, and the backing file and every
 * snapshot are what they were.
 */
final class Qcow2CrashRun {
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

    private final Random random;
    private final Breakage breakage;
    private final DiskModel model = new DiskModel(SIZE);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
    private final AlignedBuffer readBuffer = AlignedBuffer.allocate(SIZE);
    private final List<String> snapshots;
    private final List<byte[]> sealed = new ArrayList<>();
    private final boolean hasBase;
    private SimulatedDisk disk = new SimulatedDisk();
    private MortalDirectory folder;
    private KeptState state = new KeptState();
    private boolean attached;
    private @Nullable PloopDevice device;
    private int armed;

    Qcow2CrashRun(Random random, Breakage breakage) throws IOException {
        this.random = random;
        this.breakage = breakage;
        this.folder = process();
        boolean golden = random.nextBoolean();
        this.hasBase = !golden && random.nextBoolean();
        List<String> named = List.of();
        if (golden) {
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
        open();
        byte[] content = new byte[SIZE];
        read(0, content);
        model.wrote(0, content);
        model.flushEnded(model.flushBegins());
    }

    private void create() throws IOException {
        int clusterBits = 9 + random.nextInt(5);
        boolean third = random.nextInt(4) > 0;
        boolean subclusters = third && random.nextInt(4) == 0;
        int order = third ? random.nextInt(7) : 4;
        CreateOptions options =
                new CreateOptions(third ? 3 : 2, order, third && random.nextBoolean(), subclusters, false, "", "");
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

    private MortalDirectory process() {
        return new MortalDirectory(breakage.folder().apply(disk));
    }

    void go(int steps) throws IOException {
        for (int step = 0; step < steps; step++) {
            try {
                step();
                if (armed > 0 && --armed == 0) {
                    folder.spare();
                }
            } catch (Killed e) {
                armed = 0;
                if (random.nextBoolean()) {
                    kill();
                } else {
                    powerLoss();
                }
            }
        }
        folder.spare();
        model.checkVisible(this::read);
        detach();
        checkFiles(false);
        // Recovery collects what was leaked, so then nothing at all is wrong.
        open(OpenIntent.RECOVER, new KeptState());
        detach();
        model.checkAfterCrash(this::readAgain);
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            assertThat(ChainCheck.run(io).findings())
                    .filteredOn(one -> !aboutBitmap(one))
                    .isEmpty();
        }
        checkSealed();
    }

    private void step() throws IOException {
        switch (random.nextInt(40)) {
            case 0, 1 -> {
                if (random.nextBoolean()) {
                    arm();
                }
                detach();
                open();
            }
            case 2, 3 -> kill();
            case 4, 5 -> powerLoss();
            case 6, 7, 8, 9 -> arm();
            case 10, 11 -> model.checkVisible(this::read);
            case 12 -> storm();
            case 13, 14, 15, 16, 17 -> discard();
            case 18, 19, 20, 21, 22 -> flush();
            default -> write();
        }
    }

    private PloopDevice device() {
        PloopDevice open = device;
        if (open == null) {
            throw new IllegalStateException("no device is open");
        }
        return open;
    }

    private void arm() {
        if (armed == 0) {
            armed = 8;
            folder.killAfter(random.nextInt(30));
        }
    }

    /** The next process goes on where this one was. */
    private void kill() throws IOException {
        armed = 0;
        folder = process();
        device = null;
        if (attached) {
            open(OpenIntent.TAKE_OVER, state.successor());
        } else {
            open();
        }
        model.checkVisible(this::read);
        checkFiles(true);
    }

    private void powerLoss() throws IOException {
        armed = 0;
        device = null;
        attached = false;
        disk = disk.crash(random);
        checkFiles(true);
        for (int again = random.nextInt(4); again > 0; again--) {
            folder = process();
            folder.killAfter(random.nextInt(12));
            try {
                open();
                device().flush();
            } catch (Killed e) {
                // Dead, and then the power went.
            }
            attached = false;
            device = null;
            disk = disk.crash(random);
            checkFiles(true);
        }
        folder = process();
        open();
        checkFiles(true);
        model.checkAfterCrash(this::read);
    }

    private void open() throws IOException {
        boolean dirty;
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            dirty = Qcow2Header.read(io).dirty();
        }
        open(dirty ? OpenIntent.RECOVER : OpenIntent.WRITE, new KeptState());
    }

    private void open(OpenIntent intent, KeptState with) throws IOException {
        state = with;
        List<ChainFiles.Link> links = new ArrayList<>();
        if (hasBase) {
            links.add(new ChainFiles.Link(folder, BASE, Qcow2Format.ID));
        }
        links.add(new ChainFiles.Link(folder, TOP, Qcow2Format.ID));
        ChainFiles files = new ChainFiles("test", folder, links, Optional.empty(), 0);
        List<Delta> deltas = new ArrayList<>(
                ImageChain.open(files, intent, PloopDevice.cursor(state)).deltas());
        int last = deltas.size() - 1;
        deltas.set(last, breakage.top().apply(deltas.get(last)));
        deltas.get(last).markInUse();
        device = new PloopDevice("test", deltas, state, null, 4);
        attached = true;
    }

    private void detach() throws IOException {
        long mark = model.flushBegins();
        device().detach();
        model.flushEnded(mark);
        attached = false;
        device = null;
    }

    private void write() throws IOException {
        int offset = random.nextInt(SIZE / 512) * 512;
        int sectors = random.nextInt(6) == 0 ? 100 : 12;
        int length = Math.min((1 + random.nextInt(sectors)) * 512, SIZE - offset);
        byte[] data = new byte[length];
        if (random.nextInt(6) > 0) {
            random.nextBytes(data);
        }
        write(offset, data, buffer);
    }

    private void write(int offset, byte[] data, AlignedBuffer from) throws IOException {
        boolean done = false;
        try {
            from.bytes().put(0, data);
            device().write(offset, from, 0, data.length);
            model.wrote(offset, data);
            done = true;
        } finally {
            if (!done) {
                model.mayHaveWritten(offset, data);
            }
        }
    }

    private void discard() throws IOException {
        int offset = random.nextInt(SIZE / 512) * 512;
        int length = Math.min((1 + random.nextInt(100)) * 512, SIZE - offset);
        boolean done = false;
        try {
            device().discard(offset, length);
            model.zeroed(offset, length);
            done = true;
        } finally {
            if (!done) {
                model.mayHaveWritten(offset, new byte[length]);
            }
        }
    }

    private void flush() throws IOException {
        long mark = model.flushBegins();
        device().flush();
        model.flushEnded(mark);
    }

    private void storm() throws IOException {
        Storm.run(3, random, (thread, own) -> {
            AlignedBuffer from = AlignedBuffer.allocate(4096);
            for (int i = 0; i < 8; i++) {
                int granule = own.nextInt(SIZE / 2048 / 3) * 3 + thread;
                byte[] data = new byte[2048];
                own.nextBytes(data);
                write(granule * 2048, data, from);
                if (own.nextInt(5) == 0) {
                    flush();
                }
            }
        });
    }

    private void read(long offset, byte[] dst) throws IOException {
        device().read(offset, readBuffer, 0, dst.length);
        readBuffer.bytes().get(0, dst);
    }

    private void readAgain(long offset, byte[] dst) throws IOException {
        if (device == null) {
            open(OpenIntent.WRITE, new KeptState());
            try {
                read(offset, dst);
            } finally {
                detach();
            }
        } else {
            read(offset, dst);
        }
    }

    /** Nothing but lost space may be wrong. */
    private void checkFiles(boolean open) throws IOException {
        try (ImageIo io = disk.open(TOP, OpenMode.READ_ONLY)) {
            for (Finding finding : ChainCheck.run(io).findings()) {
                boolean mayBe = finding instanceof Finding.LeakedClusters
                        || finding instanceof Finding.CopiedMismatch mismatch && !mismatch.copied()
                        || aboutBitmap(finding)
                        || (open && finding instanceof Finding.MarkedInUse);
                assertThat(mayBe).as(finding.describe()).isTrue();
            }
        }
        checkSealed();
    }

    /** Bitmaps that were to record every write lose their meaning, and say so. */
    private static boolean aboutBitmap(Finding finding) {
        return finding instanceof Finding.BitmapNotStored;
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
