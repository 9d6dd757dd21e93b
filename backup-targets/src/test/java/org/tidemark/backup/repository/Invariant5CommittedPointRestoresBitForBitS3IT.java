package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** Invariant 5 on radosgw. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class Invariant5CommittedPointRestoresBitForBitS3IT extends AbstractInvariant5Suite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return RadosGateway.shared().newTarget();
    }

    @Override
    protected int seedLimit() {
        return 1;
    }
}
