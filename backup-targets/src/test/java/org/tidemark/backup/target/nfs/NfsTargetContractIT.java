package org.tidemark.backup.target.nfs;

import org.junit.jupiter.api.AfterEach;
import org.tidemark.backup.target.AbstractBackupTargetContract;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.ploop.testing.Requires;

/** The contract through libnfs, on a real server; what goes through a child process, too: {@link NfsTargetFaultIT}. */
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class NfsTargetContractIT extends AbstractBackupTargetContract {
    private BackupTarget target;

    @Override
    protected BackupTarget target() throws Exception {
        target = NfsFolders.newTarget();
        return target;
    }

    @AfterEach
    void close() {
        if (target != null) {
            target.close();
        }
    }
}
