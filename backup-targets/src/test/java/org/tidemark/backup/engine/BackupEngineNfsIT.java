package org.tidemark.backup.engine;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.nfs.NfsFolders;
import org.tidemark.ploop.testing.Requires;

/** The engine on a real NFS server. */
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class BackupEngineNfsIT extends AbstractBackupEngineSuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return NfsFolders.newTarget();
    }
}
