package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of a chain on a disk in memory: requests, restarts, snapshots, kills and power cuts anywhere, also during
 * recovery. After each the files may at worst have leaked clusters, every sector holds a legal value, and sealed deltas are
 * what they were.
 *
 * <p>Only {@value #HOT_CLUSTERS} clusters are ever used; they lie side by side, or so far apart that they need more map
 * pages than the device keeps.
 */
final class CrashRun {
    static final int CLUSTER = 32 * 1024;
    static final int HOT_CLUSTERS = 18;
    /** Bytes of the disk that the run knows of; the last cluster is not whole. */
    static final int SIZE = (HOT_CLUSTERS - 1) * CLUSTER + 7 * 512;

    private static final int MAX_LEVELS = 3;
    private static final int FAR_APART = 400;

    private final Random random;
    private final Breakage breakage;
    private final int stride;
    private final DiskModel model = new DiskModel(SIZE);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(3 * CLUSTER);
    private final AlignedBuffer readBuffer = AlignedBuffer.allocate(3 * CLUSTER);
    private final List<Long> sealed = new ArrayList<>();
    private SimulatedDisk disk = new SimulatedDisk();
    private MortalDirectory folder;
    private KeptState state = new KeptState();
    /** Whether {@link #state} holds the life of an open device. */
    private boolean attached;

    private @Nullable PloopDevice device;
    private int levels = 1;
    private int armed;

    CrashRun(Random random, Breakage breakage) throws IOException {
        this.random = random;
        this.breakage = breakage;
        this.stride = random.nextInt(3) == 0 ? FAR_APART : 1;
        this.folder = process();
        Chains.create(folder, "d0", geometry());
        open();
    }

    private DeltaGeometry geometry() {
        return new DeltaGeometry((HOT_CLUSTERS - 1L) * stride * CLUSTER + 7 * 512, CLUSTER);
    }

    private MortalDirectory process() {
        ImageDirectory below = breakage.folder().apply(disk);
        return new MortalDirectory(breakage.ordered() ? new OrderCheckedDirectory(below) : below);
    }

    void go(int steps) throws IOException {
        for (int step = 0; step < steps; step++) {
            try {
                step();
                if (armed > 0 && --armed == 0) {
                    folder.spare();
                }
            } catch (Killed e) {
                afterDeath();
            }
        }
        folder.spare();
        armed = 0;
        checkVisible();
        detach();
        checkFiles(false);
    }

    private void step() throws IOException {
        switch (random.nextInt(40)) {
            case 0 -> {
                if (random.nextBoolean()) {
                    arm();
                }
                detach();
                open();
            }
            case 1, 2 -> kill();
            case 3, 4 -> powerLoss();
            case 5, 6, 7, 8 -> arm();
            case 9 -> addLevel();
            case 10, 11 -> checkVisible();
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

    /** The process dies within the next few operations on files. */
    private void arm() {
        if (armed == 0) {
            armed = 8;
            folder.killAfter(random.nextInt(14));
        }
    }

    private void afterDeath() throws IOException {
        armed = 0;
        if (random.nextBoolean()) {
            kill();
        } else {
            powerLoss();
        }
    }

    /** The next process goes on where this one was. */
    private void kill() throws IOException {
        armed = 0;
        folder = process();
        device = null;
        if (attached) {
            state = state.successor();
            device = Chains.open(folder, levels, OpenIntent.TAKE_OVER, state, null, breakage.top(), breakage.lower());
        } else {
            open();
        }
        checkVisible();
    }

    private void powerLoss() throws IOException {
        armed = 0;
        device = null;
        attached = false;
        disk = disk.crash(random);
        checkFiles(true);
        boolean closed = !inUse();
        for (int again = random.nextInt(4); again > 0; again--) {
            folder = process();
            folder.killAfter(random.nextInt(5));
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
        if (closed) {
            // The mark goes last: without it everything that was acknowledged is there, flushed or not.
            model.checkVisible(this::read);
        }
        model.checkAfterCrash(this::read);
    }

    /** As the product does: as a closed image, and if it was not closed, with recovery. */
    private void open() throws IOException {
        boolean inUse = inUse();
        state = new KeptState();
        device = Chains.open(
                folder,
                levels,
                inUse ? OpenIntent.RECOVER : OpenIntent.WRITE,
                state,
                null,
                breakage.top(),
                breakage.lower());
        attached = true;
    }

    private boolean inUse() throws IOException {
        try (ImageIo io = disk.open("d" + (levels - 1), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).inUse();
        }
    }

    private void detach() throws IOException {
        long mark = model.flushBegins();
        device().detach();
        model.flushEnded(mark);
        attached = false;
        device = null;
    }

    private void addLevel() throws IOException {
        if (levels == MAX_LEVELS || armed > 0) {
            return;
        }
        detach();
        sealed.add(checksum("d" + (levels - 1)));
        Chains.create(folder, "d" + levels, geometry());
        levels++;
        open();
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
            pieces(offset, data.length, (at, inData, length) -> device().write(at, from, inData, length));
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
        int length = Math.min((1 + random.nextInt(150)) * 512, SIZE - offset);
        boolean done = false;
        try {
            pieces(offset, length, (at, inData, pieceLength) -> device().discard(at, pieceLength));
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

    /** Three threads write 4 KiB pieces of the same clusters, one of them flushes between. */
    private void storm() throws IOException {
        // The order check cannot tell data that a killed predecessor left unflushed from data of this process.
        flush();
        Storm.run(3, random, (thread, own) -> {
            AlignedBuffer from = AlignedBuffer.allocate(4096);
            for (int i = 0; i < 8; i++) {
                int granule = own.nextInt(SIZE / 4096 / 3) * 3 + thread;
                byte[] data = new byte[4096];
                own.nextBytes(data);
                write(granule * 4096, data, from);
                if (own.nextInt(5) == 0) {
                    flush();
                }
            }
        });
    }

    private interface Piece {
        void run(long deviceOffset, int offsetInData, int length) throws IOException;
    }

    /** The run's disk is the device's with everything but the hot clusters left out. */
    private void pieces(int offset, int length, Piece piece) throws IOException {
        for (int done = 0; done < length; ) {
            int at = offset + done;
            int inCluster = at % CLUSTER;
            int part = stride == 1 ? length : Math.min(CLUSTER - inCluster, length - done);
            piece.run((long) (at / CLUSTER) * stride * CLUSTER + inCluster, done, part);
            done += part;
        }
    }

    private void checkVisible() throws IOException {
        model.checkVisible(this::read);
        checkSealed();
    }

    private void read(long offset, byte[] dst) throws IOException {
        pieces((int) offset, dst.length, (at, inData, length) -> device().read(at, readBuffer, inData, length));
        readBuffer.bytes().get(0, dst);
    }

    /** Nothing but lost space may be wrong with the files. */
    private void checkFiles(boolean crashed) throws IOException {
        checkSealed();
        for (int level = 0; level < levels; level++) {
            try (ImageIo io = disk.open("d" + level, OpenMode.READ_ONLY)) {
                for (Finding finding : ChainCheck.run(io).findings()) {
                    boolean mayBe = finding instanceof Finding.LeakedClusters
                            || (crashed
                                    && level == levels - 1
                                    && (finding instanceof Finding.MarkedInUse
                                            || finding instanceof Finding.ShortTail));
                    assertThat(mayBe).as(finding.describe()).isTrue();
                }
            }
        }
    }

    private void checkSealed() throws IOException {
        for (int level = 0; level < sealed.size(); level++) {
            assertThat(checksum("d" + level)).as("sealed d" + level).isEqualTo(sealed.get(level));
        }
    }

    private long checksum(String name) throws IOException {
        CRC32C crc = new CRC32C();
        try (ImageIo io = disk.open(name, OpenMode.READ_ONLY)) {
            AlignedBuffer piece = AlignedBuffer.allocate(256 * 1024);
            for (long at = 0; at < io.size(); at += piece.capacity()) {
                int length = (int) Math.min(piece.capacity(), io.size() - at);
                io.read(at, piece, 0, length);
                crc.update(piece.bytes().slice(0, length));
            }
            return crc.getValue() ^ io.size();
        }
    }
}
