package org.tidemark.ploop.sim;

import org.tidemark.ploop.io.ImageDirectory.ImageLock;

/** A lock on a file of a {@link SimulatedDisk}, whose monitor guards it. */
final class SimulatedLock implements ImageLock {
    private final SimulatedDisk disk;
    private final SimulatedFile file;
    private boolean exclusive;
    private boolean closed;

    SimulatedLock(SimulatedDisk disk, SimulatedFile file, boolean exclusive) {
        this.disk = disk;
        this.file = file;
        this.exclusive = exclusive;
    }

    @Override
    public int descriptor() {
        return -1;
    }

    @Override
    public boolean convert(boolean wanted) {
        synchronized (disk) {
            if (wanted == exclusive) {
                return true;
            }
            if (wanted && file.sharedLocks > 1) {
                return false;
            }
            exclusive = wanted;
            file.exclusivelyLocked = wanted;
            file.sharedLocks += wanted ? -1 : 1;
            return true;
        }
    }

    @Override
    public void close() {
        synchronized (disk) {
            if (!closed) {
                closed = true;
                file.exclusivelyLocked = file.exclusivelyLocked && !exclusive;
                file.sharedLocks -= exclusive ? 0 : 1;
            }
        }
    }
}
