package org.tidemark.ploop.sim;

/** One file or folder, whatever its names are. */
final class SimulatedFile {
    final int id;
    SparseBytes visible;
    final SparseBytes durable;
    boolean folder;
    /** Whether a flush failed and what it should have written is still seen. */
    boolean visibleLies;

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
