package org.tidemark.backup.engine;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;

/** Where requests cost something, in memory. */
class BackupEngineAheadTest extends AbstractBackupEngineSuite {
    @Override
    protected BackupTarget newTarget() {
        return new FaultyTarget(new MemoryTarget(), 1 << 20);
    }
}
