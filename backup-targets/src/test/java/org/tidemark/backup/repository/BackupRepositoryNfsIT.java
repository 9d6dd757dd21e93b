package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.nfs.NfsFolders;
import org.tidemark.ploop.testing.Requires;

/** The repository on a real NFS server. */
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class BackupRepositoryNfsIT extends AbstractBackupRepositorySuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return NfsFolders.newTarget();
    }
}
