package org.tidemark.backup.engine;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;

class BackupEngineTest extends AbstractBackupEngineSuite {
    @Override
    protected BackupTarget newTarget() {
        return new MemoryTarget();
    }
}
