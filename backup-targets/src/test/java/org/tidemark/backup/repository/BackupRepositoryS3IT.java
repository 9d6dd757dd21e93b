package org.tidemark.backup.repository;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** The repository on radosgw. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class BackupRepositoryS3IT extends AbstractBackupRepositorySuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return RadosGateway.shared().newTarget();
    }
}
