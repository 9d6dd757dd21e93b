package org.tidemark.backup.engine;

import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** The engine on radosgw. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class BackupEngineS3IT extends AbstractBackupEngineSuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return RadosGateway.shared().newTarget();
    }
}
