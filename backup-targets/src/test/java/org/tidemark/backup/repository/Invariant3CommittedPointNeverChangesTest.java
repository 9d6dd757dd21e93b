package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;

class Invariant3CommittedPointNeverChangesTest extends AbstractInvariant3Suite {
    @Override
    protected BackupTarget newTarget() {
        return new MemoryTarget();
    }
}
