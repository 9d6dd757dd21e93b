package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of a device on a disk in memory: requests, restarts, kills and power cuts anywhere, also during recovery.
 * After each the files may at worst have leaked clusters, and every sector holds a legal value. What the image is, how it is
 * opened and what may be wrong with its files is the business of the subclass.
 */
abstract class DeviceRun {
    private static final int KILL_WINDOW_STEPS = 8;

    protected final Random random;
    protected final Breakage breakage;
    protected final int sizeBytes;
    protected final DiskModel model;
    private final AlignedBuffer buffer;
    private final AlignedBuffer readBuffer;
    protected SimulatedDisk disk = new SimulatedDisk();
    protected MortalDirectory folder;
    private KeptState state = new KeptState();
    /** Whether {@link #state} holds the life of an open device. */
    private boolean attached;

    private @Nullable PloopDevice device;
    private int armed;

    DeviceRun(Random random, Breakage breakage, int sizeBytes) {
        this.random = random;
        this.breakage = breakage;
        this.sizeBytes = sizeBytes;
        this.model = new DiskModel(sizeBytes);
        this.buffer = AlignedBuffer.allocate(sizeBytes);
        this.readBuffer = AlignedBuffer.allocate(sizeBytes);
        this.folder = process();
    }

    /** Opens the image with that intent; marks it in use. */
    abstract PloopDevice open(OpenIntent intent, KeptState with) throws IOException;

    /** Whether the image, as it lies on the disk, was not closed. */
    abstract boolean inUse() throws IOException;

    /** Whether an image that is not in use holds everything that was acknowledged, flushed or not. */
    abstract boolean markTellsAll();

    /** Nothing but lost space may be wrong with the files; more when there was a {@code crash} and no recovery yet. */
    abstract void checkFiles(boolean crashed) throws IOException;

    /** What the subclass does besides requests, now and then. */
    void otherStep() throws IOException {
        flush();
    }

    /** After the last closing. */
    void atTheEnd() throws IOException {
        checkFiles(false);
    }

    /** The files through the decorators of a new process. */
    MortalDirectory process() {
        return new MortalDirectory(wrapped(breakage.folder().apply(disk)));
    }

    abstract ImageDirectory wrapped(ImageDirectory folder);

    /** A life of few steps, seldom of many, with at least one crash in it. */
    void goShortly() throws IOException {
        go(random.nextInt(60) == 0 ? 80 : 3 + random.nextInt(18), true);
    }

    void go(int steps) throws IOException {
        go(steps, false);
    }

    private void go(int steps, boolean crashes) throws IOException {
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
        if (crashes) {
            afterDeath();
        }
        model.checkVisible(this::read);
        detach();
        atTheEnd();
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
            case 2 -> kill();
            case 3, 4 -> powerLoss();
            case 5, 6, 7, 8 -> arm();
            case 9 -> otherStep();
            case 10 -> model.checkVisible(this::read);
            case 11 -> {
                if (random.nextInt(3) == 0) {
                    storm();
                }
            }
            case 12, 13, 14, 15, 16, 17 -> discard();
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

    boolean isArmed() {
        return armed > 0;
    }

    /** The process dies within the next few operations on files. */
    private void arm() {
        if (armed == 0) {
            armed = KILL_WINDOW_STEPS;
            folder.killAfter(random.nextInt(24));
        }
    }

    private void afterDeath() throws IOException {
        if (random.nextInt(3) == 0) {
            kill();
        } else {
            powerLoss();
        }
    }

    /** The next process goes on where this one was. */
    private void kill() throws IOException {
        CrashCount.one();
        armed = 0;
        folder = process();
        device = null;
        if (attached) {
            open(OpenIntent.TAKE_OVER, state.successor(), true);
        } else {
            open();
        }
        model.checkVisible(this::read);
    }

    private void powerLoss() throws IOException {
        armed = 0;
        forget();
        checkFiles(true);
        boolean closed = !inUse();
        for (int again = Math.max(0, random.nextInt(6) - 2); again > 0; again--) {
            folder = process();
            folder.killAfter(random.nextInt(12));
            try {
                open();
                device().flush();
            } catch (Killed e) {
                // Dead, and then the power went.
            }
            forget();
            checkFiles(true);
        }
        folder = process();
        open();
        checkFiles(true);
        if (closed && markTellsAll()) {
            // The mark goes last: without it everything that was acknowledged is there, flushed or not.
            model.checkVisible(this::read);
        }
        model.checkAfterCrash(this::read);
    }

    private void forget() {
        device = null;
        attached = false;
        disk = disk.crash(random);
    }

    /** As the product does: as a closed image, and if it was not closed, with recovery. */
    final void open() throws IOException {
        open(inUse() ? OpenIntent.RECOVER : OpenIntent.WRITE, new KeptState(), true);
    }

    private void open(OpenIntent intent, KeptState with, boolean attach) throws IOException {
        state = with;
        device = open(intent, with);
        attached = attach;
    }

    final void detach() throws IOException {
        long mark = model.flushBegins();
        device().detach();
        model.flushEnded(mark);
        attached = false;
        device = null;
    }

    private void write() throws IOException {
        int offset = random.nextInt(sizeBytes / 512) * 512;
        int sectors = random.nextInt(6) == 0 ? 100 : 12;
        int length = Math.min((1 + random.nextInt(sectors)) * 512, sizeBytes - offset);
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
        int offset = random.nextInt(sizeBytes / 512) * 512;
        int length = Math.min((1 + random.nextInt(150)) * 512, sizeBytes - offset);
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

    final void flush() throws IOException {
        long mark = model.flushBegins();
        device().flush();
        model.flushEnded(mark);
    }

    /** Three threads write 2 KiB pieces of the same clusters, one of them flushes between. */
    private void storm() throws IOException {
        // The order check cannot tell data that a killed predecessor left unflushed from data of this process.
        flush();
        Storm.run(3, random, (thread, own) -> {
            AlignedBuffer from = AlignedBuffer.allocate(2048);
            for (int i = 0; i < 8; i++) {
                int granule = own.nextInt(sizeBytes / 2048 / 3) * 3 + thread;
                byte[] data = new byte[2048];
                own.nextBytes(data);
                write(granule * 2048, data, from);
                if (own.nextInt(5) == 0) {
                    flush();
                }
            }
        });
    }

    /** A request on the device that is a part of one on the run's disk. */
    interface Piece {
        void run(long deviceOffset, int offsetInData, int length) throws IOException;
    }

    /** Where the run's disk lies on the device's. */
    void pieces(int offset, int length, Piece piece) throws IOException {
        piece.run(offset, 0, length);
    }

    final void read(long offset, byte[] dst) throws IOException {
        pieces((int) offset, dst.length, (at, inData, length) -> device().read(at, readBuffer, inData, length));
        readBuffer.bytes().get(0, dst);
    }
}
