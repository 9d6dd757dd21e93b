package org.tidemark.ploop.device.front;

import java.io.IOException;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * One try of each request: held to the limit, giving way to the syncs of others, counted for those who give way to it, and never
 * waiting for space.
 */
final class FrontEntry extends ForwardingBlockDevice {
    private final BlockDevice device;
    private final IoThrottle throttle;
    private final BackupTurns turns;
    private final DiskSeat seat;

    FrontEntry(BlockDevice device, IoThrottle throttle, BackupTurns turns, DiskSeat seat) {
        super(device);
        this.device = device;
        this.throttle = throttle;
        this.turns = turns;
        this.seat = seat;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        throttle.admit(lengthBytes);
        boolean held = seat.beginRead(lengthBytes);
        boolean counted = turns.begin();
        try {
            device.read(offsetBytes, dst, dstOffset, lengthBytes);
        } finally {
            turns.end(counted);
            seat.endRead(held);
        }
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        throttle.admit(lengthBytes);
        boolean held = seat.beginWrite(lengthBytes);
        boolean counted = turns.begin();
        try {
            device.write(offsetBytes, src, srcOffset, lengthBytes);
        } finally {
            turns.end(counted);
            seat.endWrite(held);
        }
    }

    @Override
    public void flush() throws IOException {
        boolean counted = turns.begin();
        seat.beginSync();
        boolean done = false;
        try {
            device.flush();
            done = true;
        } finally {
            seat.endSync(done);
            turns.end(counted);
        }
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        throttle.admit(0);
        boolean counted = turns.begin();
        try {
            device.discard(offsetBytes, lengthBytes);
        } finally {
            turns.end(counted);
        }
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        throttle.admit(0);
        boolean counted = turns.begin();
        try {
            device.writeZeroes(offsetBytes, lengthBytes);
        } finally {
            turns.end(counted);
        }
    }
}
