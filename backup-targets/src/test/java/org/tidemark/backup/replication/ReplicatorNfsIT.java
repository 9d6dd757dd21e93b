package org.tidemark.backup.replication;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.nfs.NfsFolders;
import org.tidemark.ploop.testing.Requires;

/** Onto a real NFS server. */
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class ReplicatorNfsIT extends AbstractReplicatorSuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return NfsFolders.newTarget();
    }
}
