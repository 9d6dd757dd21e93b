package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;

class Invariant5CommittedPointRestoresBitForBitTest extends AbstractInvariant5Suite {
    @Override
    protected BackupTarget newTarget() {
        return new MemoryTarget();
    }

    @Override
    protected int seedLimit() {
        return Integer.MAX_VALUE;
    }
}
