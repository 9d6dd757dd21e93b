package org.tidemark.backup.target.s3;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.AbstractBackupTargetContract;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** The contract on Ceph, which keeps conditions. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class S3RadosGatewayContractIT extends AbstractBackupTargetContract {
    private S3Target target;

    @Override
    protected BackupTarget target() throws Exception {
        RadosGateway gateway = RadosGateway.shared();
        target = S3Target.open(gateway.settings(gateway.newBucket()), "it", Clock.systemUTC());
        return target;
    }

    @AfterEach
    void close() {
        if (target != null) {
            target.close();
        }
    }

    @Test
    void theProbeFindsASharedTarget() throws Exception {
        target();
        assertThat(target.capabilities().shared()).isFalse();
        assertThat(target.probe().steps()).allMatch(step -> step.ok());
        assertThat(target.capabilities().shared()).isTrue();
        assertThat(target.notice()).isEmpty();
        target.list("", (key, sizeBytes) -> assertThat(key).isNull());
    }
}
