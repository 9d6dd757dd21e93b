package org.tidemark.backup.replication;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;

/** In memory. */
class ReplicatorSuiteTest extends AbstractReplicatorSuite {
    @Override
    protected BackupTarget newTarget() {
        return new MemoryTarget();
    }
}
