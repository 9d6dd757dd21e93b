package org.tidemark.backup.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.described;
import static org.tidemark.backup.testing.Repositories.options;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.repository.verify.VerifyReport;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.MemorySink;
import org.tidemark.backup.testing.ModelDisk;

/** Backup and restore, on whatever target. */
@Timeout(60)
public abstract class AbstractBackupEngineSuite {
    private final ModelDisk disk = new ModelDisk("root", 8 << 20);
    private final Random random = new Random(3);
    private BackupRepository repository;

    /** An empty target. */
    protected abstract BackupTarget newTarget() throws Exception;

    @BeforeEach
    void create() throws Exception {
        repository = BackupRepository.create(newTarget(), options(1));
        byte[] noise = new byte[4 << 20];
        random.nextBytes(noise);
        disk.write(0, noise);
    }

    private static void fails(EngineException.Kind kind, ThrowingCallable call) {
        assertThatExceptionOfType(EngineException.class).isThrownBy(call).satisfies(e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    private RecoveryPoint full() throws Exception {
        return backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
    }

    @Test
    void fullReadsWhatIsAllocatedAndShipsItOnce() throws Exception {
        PointCounters counters = full().counters();
        assertThat(counters.chunksRead()).isEqualTo(64);
        assertThat(counters.chunksShipped()).isEqualTo(64);
        assertThat(counters.bytesRead()).isEqualTo(4 << 20);
    }

    @Test
    void anIncrementWithoutChangeIsOneObject() throws Exception {
        RecoveryPoint first = full();
        BackupResult result = new BackupEngine(repository, 2)
                .backup(
                        new BackupJob("web", List.of(disk.freezeIncremental()), Optional.of(first), described(1)),
                        BackupProgress.SILENT,
                        () -> false);
        assertThat(result.objects()).isEqualTo(1);
        assertThat(result.counters()).isEqualTo(new PointCounters(0, 0, 0, 0, 0, 0, 0));
        assertThat(result.point().images().get(0).root())
                .isEqualTo(first.images().get(0).root());
        assertRestores(repository, result.point(), "root", disk.content);
    }

    @Test
    void theSameBytesWrittenAgainAreReadAndNotShipped() throws Exception {
        RecoveryPoint first = full();
        disk.write(70_000, java.util.Arrays.copyOfRange(disk.content, 70_000, 270_000));
        PointCounters counters = backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental())
                .counters();
        assertThat(counters.chunksRead()).isEqualTo(4);
        assertThat(counters.chunksChanged()).isZero();
        assertThat(counters.packs()).isZero();
    }

    @Test
    void anInconsistentTrackerReadsEverythingAndShipsWhatDiffers() throws Exception {
        RecoveryPoint first = full();
        byte[] noise = new byte[65536];
        random.nextBytes(noise);
        disk.write(1 << 20, noise);
        disk.write(2 << 20, new byte[65536]);
        RecoveryPoint point = backup(repository, "web", Optional.of(first), 1, disk.freezeFull("tracker inconsistent"));
        assertThat(point.counters().chunksRead()).isEqualTo(63);
        assertThat(point.counters().chunksChanged()).isEqualTo(2);
        assertThat(point.counters().chunksShipped()).isEqualTo(1);
        assertRestores(repository, point, "root", disk.content);
    }

    @Test
    void whatWasReadIsDone() throws Exception {
        ModelDisk.Source source = disk.freezeFull("first");
        backup(repository, "web", Optional.empty(), 0, source);
        assertThat(source.done.stream().mapToLong(range -> range[1]).sum()).isEqualTo(8 << 20);
    }

    @Test
    void anIncrementOverAnotherPointIsRefused() throws Exception {
        RecoveryPoint first = full();
        RecoveryPoint second = backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental());
        fails(
                EngineException.Kind.PARENT_MISMATCH,
                () -> backup(repository, "web", Optional.of(first), 2, disk.freezeIncremental()));
        fails(
                EngineException.Kind.PARENT_MISMATCH,
                () -> backup(repository, "web", Optional.empty(), 2, disk.freezeIncremental()));
        assertThat(repository.points("web").points()).containsExactly(first, second);
    }

    @Test
    void aBrokenViewFailsTheBackupAndTheNextOneIsRight() throws Exception {
        RecoveryPoint first = full();
        disk.writeRandomly(random, 30);
        ModelDisk.Source broken = disk.freezeIncremental();
        broken.failAtRead = 3;
        fails(EngineException.Kind.SOURCE_FAILED, () -> backup(repository, "web", Optional.of(first), 1, broken));
        assertThat(repository.points("web").points()).containsExactly(first);
        disk.mergeBack(broken);
        disk.writeRandomly(random, 5);
        RecoveryPoint point = backup(repository, "web", Optional.of(first), 2, disk.freezeIncremental());
        assertRestores(repository, point, "root", disk.content);
    }

    @Test
    void aCancelledBackupCommitsNothing() throws Exception {
        ModelDisk.Source source = disk.freezeFull("first");
        AtomicInteger reads = new AtomicInteger();
        source.onRead = reads::incrementAndGet;
        BackupJob job = new BackupJob("web", List.of(source), Optional.empty(), described(0));
        fails(EngineException.Kind.CANCELLED, () -> new BackupEngine(repository, 2)
                .backup(job, BackupProgress.SILENT, () -> reads.get() > 2));
        assertThat(repository.containers()).isEmpty();
    }

    @Test
    void aReadThatHangsDoesNotKeepTheCancelledBackup() throws Exception {
        ModelDisk.Source source = disk.freezeFull("first");
        CountDownLatch never = new CountDownLatch(1);
        AtomicInteger reads = new AtomicInteger();
        source.onRead = () -> {
            reads.incrementAndGet();
            try {
                never.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException("interrupted", e);
            }
        };
        BackupJob job = new BackupJob("web", List.of(source), Optional.empty(), described(0));
        fails(EngineException.Kind.CANCELLED, () -> new BackupEngine(repository, 2)
                .backup(job, BackupProgress.SILENT, () -> reads.get() > 0));
        assertThat(repository.containers()).isEmpty();
    }

    @Test
    void aTrackerThatLiedIsFoundAndNoWrongByteIsGivenOut() throws Exception {
        RecoveryPoint first = full();
        disk.write(65536 * 5, new byte[100]);
        disk.content[65536 * 5 + 9000] ^= 1;
        RecoveryPoint point = backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental());
        VerifyReport report = new DeepVerify(repository, () -> false).point(point);
        assertThat(report.damageCount()).isEqualTo(1);
        assertThat(report.damages().get(0).offsetBytes()).isEqualTo(65536 * 5);
        assertThatExceptionOfType(RepositoryException.class)
                .isThrownBy(() -> assertRestores(repository, point, "root", disk.content));
    }

    @Test
    void progressIsToldToTheEnd() throws Exception {
        long[] last = new long[2];
        new BackupEngine(repository, 2)
                .backup(
                        new BackupJob("web", List.of(disk.freezeFull("first")), Optional.empty(), described(0)),
                        (imageId, offsetBytes, counters) -> {
                            last[0] = offsetBytes;
                            last[1] = counters.chunksRead();
                        },
                        () -> false);
        assertThat(last).containsExactly(8 << 20, 64);
    }

    @Test
    void rangesThatMakeNoSenseAreRefused() throws Exception {
        RecoveryPoint first = full();
        ModelDisk.Source good = disk.freezeIncremental();
        DiskSource bad = new BackwardSource(good);
        fails(EngineException.Kind.SOURCE_FAILED, () -> backup(repository, "web", Optional.of(first), 1, bad));
    }

    private record BackwardSource(ModelDisk.Source source) implements DiskSource {
        @Override
        public String imageId() {
            return source.imageId();
        }

        @Override
        public long sizeBytes() {
            return source.sizeBytes();
        }

        @Override
        public ChangeInfo changes() {
            return source.changes();
        }

        @Override
        public Optional<org.tidemark.backup.repository.log.CbtCheckpoint> checkpoint() {
            return source.checkpoint();
        }

        @Override
        public void visitRanges(RangeVisitor visitor) throws java.io.IOException {
            visitor.range(8192, 4096);
            visitor.range(4096, 8192);
        }

        @Override
        public void read(long offsetBytes, java.nio.ByteBuffer dst, int lengthBytes) throws java.io.IOException {
            source.read(offsetBytes, dst, lengthBytes);
        }

        @Override
        public void done(long offsetBytes, long lengthBytes) {
            source.done(offsetBytes, lengthBytes);
        }

        @Override
        public void close() {}
    }

    @Test
    void aRestoreThatFailsOrIsCancelledIsAbandoned() throws Exception {
        ImageReader image = repository.openPoint(full()).image("root");
        MemorySink failing = new MemorySink(image.sizeBytes());
        failing.failing = true;
        fails(EngineException.Kind.SINK_FAILED, () -> new RestoreEngine(2)
                .restore(image, failing, RestoreProgress.SILENT, () -> false));
        assertThat(failing.abandoned).isTrue();
        assertThat(failing.finished).isFalse();
        MemorySink cancelled = new MemorySink(image.sizeBytes());
        fails(EngineException.Kind.CANCELLED, () -> new RestoreEngine(2)
                .restore(image, cancelled, RestoreProgress.SILENT, () -> true));
        assertThat(cancelled.abandoned).isTrue();
    }
}
