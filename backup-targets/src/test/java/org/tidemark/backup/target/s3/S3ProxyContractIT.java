package org.tidemark.backup.target.s3;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.AbstractBackupTargetContract;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.testing.S3ProxyServer;
import org.tidemark.ploop.testing.Requires;

/** The contract on S3Proxy over a folder. */
@Requires("mvn")
class S3ProxyContractIT extends AbstractBackupTargetContract {
    private final AtomicReference<S3Target> opened = new AtomicReference<>();

    @Override
    protected BackupTarget target() throws Exception {
        S3ProxyServer server = S3ProxyServer.shared();
        S3Target target = S3Target.open(server.settings(server.newBucket()), "it", Clock.systemUTC());
        opened.set(target);
        return target;
    }

    @AfterEach
    void close() {
        S3Target target = opened.getAndSet(null);
        if (target != null) {
            target.close();
        }
    }

    /** What it finds depends on luck; it must say what follows. */
    @Test
    void theProbeDecidesAndSaysSo() throws Exception {
        BackupTarget target = target();
        ProbeReport report = opened.get().probe();
        assertThat(report.usable()).as(report.toString()).isTrue();
        assertThat(report.notice().isPresent()).isEqualTo(!target.capabilities().shared());
        assertThat(report.failure().isPresent())
                .isEqualTo(!target.capabilities().shared());
    }
}
