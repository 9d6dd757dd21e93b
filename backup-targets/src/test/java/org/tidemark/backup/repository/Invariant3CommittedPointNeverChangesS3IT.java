package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** Invariant 3 on radosgw. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class Invariant3CommittedPointNeverChangesS3IT extends AbstractInvariant3Suite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return RadosGateway.shared().newTarget();
    }

    @Override
    protected int steps() {
        return 10;
    }
}
