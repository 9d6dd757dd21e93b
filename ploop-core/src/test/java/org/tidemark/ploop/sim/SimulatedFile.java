package org.tidemark.ploop.sim;

/** One file, whatever its names are. */
final class SimulatedFile {
    final int id;
    final SparseBytes visible;
    final SparseBytes durable;
    boolean suspect;
    int sharedLocks;
    boolean exclusivelyLocked;

    SimulatedFile(int id) {
        this(id, new SparseBytes(), new SparseBytes());
    }

    SimulatedFile(int id, SparseBytes visible, SparseBytes durable) {
        this.id = id;
        this.visible = visible;
        this.durable = durable;
    }
}
