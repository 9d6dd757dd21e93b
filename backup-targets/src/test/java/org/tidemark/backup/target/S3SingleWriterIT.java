package org.tidemark.backup.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.FaultProxy.Fault;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.backup.testing.S3ProxyServer;
import org.tidemark.ploop.testing.Requires;

/** A store that ignores conditions: found out, told, and still good for one writer. */
@Timeout(60)
@Requires("mvn")
class S3SingleWriterIT {
    private FaultProxy proxy;
    private S3Target target;

    private S3Target open() throws Exception {
        S3ProxyServer server = S3ProxyServer.shared();
        S3Settings behind = server.settings(server.newBucket());
        S3Settings settings = S3Settings.of(proxy.endpoint(), behind.bucket(), "", behind.credentials());
        return S3Target.open(settings, "it", Clock.systemUTC());
    }

    @BeforeEach
    void start() throws Exception {
        proxy = FaultProxy.before(S3ProxyServer.shared().endpoint());
        proxy.faults(request -> Fault.STRIP_CONDITION);
        target = open();
    }

    @AfterEach
    void close() throws Exception {
        target.close();
        proxy.close();
    }

    @Test
    void theProbeFindsItOutAndTheNoticeSaysWhatFollows() throws Exception {
        ProbeReport report = target.probe();
        assertThat(report.usable()).as(report.toString()).isTrue();
        assertThat(report.capabilities().shared()).isFalse();
        assertThat(report.notice()).contains(S3Target.SINGLE_WRITER_NOTICE);
        assertThat(target.notice()).isEqualTo(report.notice());
        assertThat(report.failure().map(ProbeStep::name)).contains("conditional write");
        List<ByteBuffer> content = List.of(ByteBuffer.allocate(3));
        target.putIfAbsent("a", content);
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(() -> target.putIfAbsent("a", content))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(TargetException.Kind.CONFLICT));
    }

    @Test
    void oneWriterBacksUpAndRestores() throws Exception {
        assertThat(target.probe().usable()).isTrue();
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        disk.writeRandomly(new Random(1), 20);
        try (BackupRepository repository = BackupRepository.create(target, options(1))) {
            RecoveryPoint first = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
            byte[] before = disk.content.clone();
            disk.writeRandomly(new Random(2), 5);
            RecoveryPoint second = backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental());
            assertRestores(repository, first, "root", before);
            assertRestores(repository, second, "root", disk.content);
        }
    }

    /** The controls of the contract: on a target that believes such a store, its tests must fail. */
    @Test
    void theContractCatchesATargetWhoseConditionIsIgnored() throws Exception {
        AbstractBackupTargetContract contract = new AbstractBackupTargetContract() {
            @Override
            protected BackupTarget target() {
                return target;
            }
        };
        assertThatThrownBy(contract::aSecondPutIsAConflictAndChangesNothing).isInstanceOf(AssertionError.class);
        assertThatThrownBy(contract::ofManyPutsOfOneKeyOneWins).isInstanceOf(AssertionError.class);
    }
}
