package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.nfs.NfsFolders;
import org.tidemark.ploop.testing.Requires;

/** Invariant 5 on a real NFS server. */
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class Invariant5CommittedPointRestoresBitForBitNfsIT extends AbstractInvariant5Suite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return NfsFolders.newTarget();
    }

    @Override
    protected int seedLimit() {
        return 1;
    }
}
