package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.Targets;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.FaultProxy.Fault;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** What happens to backups when the store goes away, comes back, is emptied, or loses answers. */
@Timeout(90)
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class S3RepositoryFaultIT {
    private RadosGateway gateway;
    private String bucket;
    private FaultProxy proxy;
    private S3Target bare;
    private BackupTarget target;
    private final ModelDisk disk = new ModelDisk("root", 4 << 20);

    @BeforeEach
    void start() throws Exception {
        gateway = RadosGateway.shared();
        bucket = gateway.newBucket();
        proxy = FaultProxy.before(gateway.endpoint());
        S3Settings settings = S3Settings.of(proxy.endpoint(), bucket, "backups/", gateway.credentials())
                .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(20));
        bare = S3Target.open(settings, "it", Clock.systemUTC());
        target = Targets.decorate(bare, RetryPolicy.forJobs(), new RequestCounter(), new Random(1), () -> false);
        disk.writeRandomly(new Random(7), 100);
    }

    @AfterEach
    void close() throws Exception {
        bare.close();
        proxy.close();
    }

    @Test
    void aBucketDeletedInTheMiddleEndsTheBackupAndIsNeverAnEmptyRepository() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        RecoveryPoint first = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        disk.writeRandomly(new Random(8), 100);
        AtomicInteger puts = new AtomicInteger();
        AtomicReference<@Nullable RuntimeException> trouble = new AtomicReference<>();
        proxy.faults(request -> {
            if (request.isPutOf("/pack/") && puts.incrementAndGet() == 3) {
                try {
                    gateway.removeBucket(bucket);
                } catch (RuntimeException e) {
                    trouble.set(e);
                }
            }
            return Fault.NONE;
        });
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(() -> backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental()))
                .withMessageContaining("no such bucket")
                .satisfies(e -> assertThat(e.kind()).isEqualTo(TargetException.Kind.UNREACHABLE));
        assertThat(trouble.get()).isNull();
        proxy.faults(request -> Fault.NONE);
        isGone(repository, first, TargetException.class, "no such bucket");
        // Somebody makes it again, empty: it answers, and still is not what it was.
        gateway.admin().createBucket(request -> request.bucket(bucket));
        isGone(repository, first, RepositoryException.class, "emptied or replaced");
        assertThat(gateway.admin()
                        .listObjectsV2(request -> request.bucket(bucket))
                        .keyCount())
                .isZero();
        // And so it is when another repository is there.
        BackupRepository.create(target, options(99));
        isGone(repository, first, RepositoryException.class, "emptied or replaced");
    }

    private void isGone(
            BackupRepository repository, RecoveryPoint point, Class<? extends IOException> type, String words) {
        assertThatExceptionOfType(type)
                .isThrownBy(() -> repository.points("web"))
                .withMessageContaining(words);
        assertThatExceptionOfType(type).isThrownBy(repository::containers).withMessageContaining(words);
        assertThatExceptionOfType(type)
                .isThrownBy(() -> repository.begin("web", Optional.of(point)))
                .withMessageContaining(words);
        assertThatExceptionOfType(type)
                .isThrownBy(() -> repository.begin("new", Optional.empty()))
                .withMessageContaining(words);
    }

    @Test
    void aGatewayThatIsKilledAndComesBackIsOutlasted() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        AtomicInteger puts = new AtomicInteger();
        AtomicReference<@Nullable Thread> restart = new AtomicReference<>();
        proxy.faults(request -> {
            if (request.isPutOf("/pack/") && puts.incrementAndGet() == 3) {
                try {
                    gateway.killGateway();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
                Thread thread = new Thread(() -> {
                    try {
                        gateway.startGateway();
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                });
                restart.set(thread);
                thread.start();
            }
            return Fault.NONE;
        });
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        Thread restarted = restart.get();
        assertThat(restarted).isNotNull();
        restarted.join(60_000);
        assertThat(puts.get()).isGreaterThan(3);
        assertRestores(repository, point, "root", disk.content);
        assertThat(repository.points("web").points()).containsExactly(point);
        assertThat(new DeepVerify(repository, () -> false).everything().clean()).isTrue();
    }

    @Test
    void lostAnswersToPacksAndToTheCommitLoseAndDoubleNothing() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        for (String what : new String[] {"/pack/", "/ct/"}) {
            proxy.first(1, request -> request.isPutOf(what), Fault.LOSE_ANSWER);
            Optional<RecoveryPoint> none = Optional.empty();
            String container = "lost" + what.replace('/', '-');
            RecoveryPoint point = backup(repository, container, none, 0, disk.freezeFull("first"));
            assertThat(repository.points(container).points()).containsExactly(point);
            assertRestores(repository, point, "root", disk.content);
        }
    }

    @Test
    void throttlingSlowsABackupAndFailsNone() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        AtomicInteger requests = new AtomicInteger();
        proxy.faults(request -> requests.incrementAndGet() % 3 == 0 ? Fault.error(503, "SlowDown") : Fault.NONE);
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        assertRestores(repository, point, "root", disk.content);
        // The control: without retries the same is a failure.
        BackupRepository impatient = repository.through(bare);
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(() -> backup(impatient, "db", Optional.empty(), 0, disk.freezeFull("first")))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(TargetException.Kind.RETRYABLE));
    }
}
