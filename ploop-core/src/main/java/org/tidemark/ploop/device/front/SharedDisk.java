package org.tidemark.ploop.device.front;

import java.util.Arrays;

/**
 * A disk that the images of several devices lie on. It only knows who they are; see {@link DiskSeat} for what they do about each
 * other. Safe for several threads; those who ask read a field and take no lock.
 */
public final class SharedDisk {
    private static final DiskSeat[] NOBODY = {};

    private volatile DiskSeat[] seats = NOBODY;

    /** One more device lies on it, until the seat is left. */
    public synchronized DiskSeat join() {
        DiskSeat fresh = new DiskSeat(this);
        DiskSeat[] more = Arrays.copyOf(seats, seats.length + 1);
        more[seats.length] = fresh;
        seats = more;
        return fresh;
    }

    synchronized void leave(DiskSeat who) {
        seats = Arrays.stream(seats).filter(seat -> seat != who).toArray(DiskSeat[]::new);
    }

    /** Whether any device but this one syncs, or did lately. */
    boolean othersSync(DiskSeat who, long nowNanos) {
        for (DiskSeat seat : seats) {
            if (seat != who && seat.syncs(nowNanos)) {
                return true;
            }
        }
        return false;
    }
}
