package org.tidemark.ploop.device.front;

import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.OsException;

/**
 * A device as its container has it: held to its limits, and with writes that wait for space when they are told to. See the
 * package's essay. Settings may change at any time. Closing it closes the device.
 */
public final class DeviceFront extends ForwardingBlockDevice {
    private final IoThrottle throttle;
    private final SpaceWait space;
    private final BackupTurns turns = new BackupTurns();
    private final FrontEntry firstTry;
    private final FrontEntry furtherTry;

    /** At a disk that no other device uses. */
    public DeviceFront(BlockDevice device, FullDisk onFull, IoLimit limit) {
        this(device, onFull, limit, DiskSeat.alone());
    }

    /** {@code seat} is the device's, until the device is closed. */
    public DeviceFront(BlockDevice device, FullDisk onFull, IoLimit limit, DiskSeat seat) {
        super(device);
        this.throttle = new IoThrottle(limit);
        this.space = new SpaceWait(device.name(), onFull);
        this.firstTry = new FrontEntry(device, throttle, turns, seat);
        this.furtherTry = new FrontEntry(device, new IoThrottle(IoLimit.NONE), turns, seat);
    }

    /** Holds for every request from now on, and for those that wait. */
    public void change(FullDisk onFull, IoLimit limit) {
        throttle.change(limit);
        space.change(onFull);
    }

    /** Whoever waits here, or would, gets its answer now: the device is being taken away. */
    public void stopWaiting() {
        throttle.change(IoLimit.NONE);
        space.callOff();
    }

    /**
     * The device for somebody who can put a request aside: what finds no space fails at once, and {@link #space()} tells
     * whether it is to be tried again later, by {@link #furtherTry()}.
     */
    public BlockDevice firstTry() {
        return firstTry;
    }

    /** The device for a request that the limit has admitted already, here or in a predecessor. Never waits for space. */
    public BlockDevice furtherTry() {
        return furtherTry;
    }

    /** Those who wait for space, whoever keeps them. */
    public SpaceQueue space() {
        return space;
    }

    /** How views of the device are read. */
    public BackupTurns backupTurns() {
        return turns;
    }

    /** How many requests wait for space. */
    public int waitingForSpace() {
        return space.waiting();
    }

    @Override
    public String trouble() {
        String below = super.trouble();
        if (!below.isEmpty() || space.waiting() == 0) {
            return below;
        }
        Instant since = Instant.ofEpochMilli(space.sinceMillis()).truncatedTo(ChronoUnit.SECONDS);
        return "its disk is full: writes wait for space since " + since;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        firstTry.read(offsetBytes, dst, dstOffset, lengthBytes);
    }

    private enum Change {
        WRITE,
        DISCARD,
        ZERO,
        FLUSH
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        throttle.admit(lengthBytes);
        change(Change.WRITE, offsetBytes, lengthBytes, src, srcOffset);
    }

    @Override
    public void flush() throws IOException {
        change(Change.FLUSH, 0, 0, null, 0);
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        throttle.admit(0);
        change(Change.DISCARD, offsetBytes, lengthBytes, null, 0);
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        throttle.admit(0);
        change(Change.ZERO, offsetBytes, lengthBytes, null, 0);
    }

    /**
     * Carries a change out, again and again while the disk is full and it may wait. A try that failed may have written a
     * part: nobody was told that it has, and the next try writes the same bytes.
     */
    private void change(Change what, long offset, long length, @Nullable AlignedBuffer src, int srcOffset)
            throws IOException {
        boolean waits = false;
        try {
            while (true) {
                try {
                    carryOut(what, offset, length, src, srcOffset);
                    return;
                } catch (OsException e) {
                    if (!space.concerns(e)) {
                        throw e;
                    }
                    if (!waits) {
                        waits = true;
                        space.begin(e);
                    }
                }
                space.pause();
            }
        } finally {
            if (waits) {
                space.end();
            }
        }
    }

    private void carryOut(Change what, long offset, long length, @Nullable AlignedBuffer src, int srcOffset)
            throws IOException {
        switch (what) {
            case WRITE -> furtherTry.write(offset, Objects.requireNonNull(src), srcOffset, (int) length);
            case DISCARD -> furtherTry.discard(offset, length);
            case ZERO -> furtherTry.writeZeroes(offset, length);
            case FLUSH -> furtherTry.flush();
        }
    }
}
