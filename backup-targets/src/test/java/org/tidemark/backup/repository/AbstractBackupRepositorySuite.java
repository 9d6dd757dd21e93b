package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.tidemark.backup.testing.Repositories.NOON;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.described;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.ModelDisk;

/** What a repository does, on whatever target. */
@Timeout(60)
public abstract class AbstractBackupRepositorySuite {
    final ModelDisk disk = new ModelDisk("root", 1 << 20);
    private BackupTarget target;

    /** An empty target. */
    protected abstract BackupTarget newTarget() throws Exception;

    @org.junit.jupiter.api.BeforeEach
    void takeTarget() throws Exception {
        target = newTarget();
    }

    static void fails(Kind kind, ThrowingCallable call) {
        assertThatExceptionOfType(RepositoryException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind));
    }

    @Test
    void whatIsNotARepositoryIsRefused() {
        fails(Kind.NOT_A_REPOSITORY, () -> reopen(target, 1));
    }

    @Test
    void anotherRepositoryIsRefused() throws Exception {
        String id = BackupRepository.create(target, options(1)).id();
        assertThat(BackupRepository.open(target, Optional.of(id), options(2)).id())
                .isEqualTo(id);
        fails(Kind.OTHER_REPOSITORY, () -> BackupRepository.open(target, Optional.of("0".repeat(32)), options(2)));
    }

    @Test
    void aRepositoryIsCreatedOnce() throws Exception {
        BackupRepository.create(target, options(1));
        fails(Kind.EXISTS, () -> BackupRepository.create(target, options(2)));
    }

    @Test
    void ofTwoSessionsTheSecondCommitIsAConflict() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        disk.writeRandomly(new Random(1), 10);
        RecoveryPoint base = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        BackupSession first = repository.begin("web", Optional.of(base));
        BackupSession second = repository.begin("web", Optional.of(base));
        store(first, 1);
        store(second, 2);
        RecoveryPoint won = first.commit(described(1));
        fails(Kind.CONFLICT, () -> second.commit(described(2)));
        assertThat(repository.points("web").points()).containsExactly(base, won);
        assertThat(won.sequence()).isEqualTo(2);
        assertThat(won.parentPointId()).contains(base.pointId());
        assertRestores(repository, base, "root", disk.content);
        RecoveryPoint next = backup(repository, "web", Optional.of(won), 3, disk.freezeFull("again"));
        assertThat(next.sequence()).isEqualTo(3);
    }

    static void store(BackupSession session, long seed) throws Exception {
        byte[] noise = new byte[65536];
        new Random(seed).nextBytes(noise);
        SessionImage image = session.fullImage("root", 1 << 20, "test", Optional.empty());
        try (ChunkWriter writer = session.newWriter()) {
            assertThat(writer.storeChunk(
                            image,
                            3,
                            ByteBuffer.allocateDirect(65536).put(noise).flip()))
                    .isEqualTo(StoreOutcome.WHOLE);
        }
    }

    @Test
    void aRecordThatCouldNotBeReadIsNotWritten() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        BackupSession session = repository.begin("web", Optional.empty());
        store(session, 1);
        PointDescription bad =
                new PointDescription(NOON, org.tidemark.backup.repository.log.Grade.CRASH, -1, java.util.Map.of());
        org.assertj.core.api.Assertions.assertThatIllegalArgumentException().isThrownBy(() -> session.commit(bad));
        assertThat(repository.containers()).isEmpty();
    }

    @Test
    void anAbortedSessionLeavesNothingToSee() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        try (BackupSession session = repository.begin("web", Optional.empty())) {
            store(session, 1);
        }
        assertThat(repository.containers()).isEmpty();
        assertThat(repository.points("web").points()).isEmpty();
        assertThat(repository.points("web").lastSequence()).isZero();
    }

    @Test
    void pointsAreSelectedByWordIdAndTime() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        RecoveryPoint first = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        RecoveryPoint second = backup(repository, "web", Optional.of(first), 60, disk.freezeIncremental());
        var list = repository.points("web");
        assertThat(PointSelector.select(list, "latest")).isEqualTo(second);
        assertThat(PointSelector.select(list, first.pointId())).isEqualTo(first);
        assertThat(PointSelector.select(list, second.pointId().substring(0, 6))).isEqualTo(second);
        assertThat(PointSelector.select(list, NOON.plusSeconds(59).toString())).isEqualTo(first);
        assertThat(PointSelector.select(list, "2026-03-01T14:01:00+02:00")).isEqualTo(second);
        fails(Kind.NOT_FOUND, () -> PointSelector.select(list, "2025-01-01T00:00:00Z"));
        fails(Kind.NOT_FOUND, () -> PointSelector.select(list, "yesterday-ish"));
        fails(Kind.NOT_FOUND, () -> PointSelector.select(list, "00000000ffff"));
        fails(Kind.NOT_FOUND, () -> PointSelector.select(repository.points("db"), "latest"));
    }

    @Test
    void theRecordKeepsWhatItWasTold() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 5, disk.freezeFull("first"));
        RecoveryPoint read = reopen(target, 9).points("web").points().get(0);
        assertThat(read).isEqualTo(point);
        assertThat(read.definition()).containsEntry("name", "web");
        assertThat(read.freezeMillis()).isEqualTo(17);
        assertThat(read.image("root").fullReason()).contains("first");
        fails(Kind.NOT_FOUND, () -> read.image("data"));
    }

    @Test
    void aMosaicTakesFourSegmentsAndTheFifthChangeShipsTheChunk() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        byte[] noise = new byte[1 << 20];
        Random random = new Random(7);
        random.nextBytes(noise);
        disk.write(0, noise);
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        long[] shipped = new long[5];
        byte[][] contents = new byte[5][];
        RecoveryPoint[] points = new RecoveryPoint[5];
        for (int i = 0; i < 5; i++) {
            byte[] small = new byte[4096];
            random.nextBytes(small);
            disk.write(65536 * 2 + 4096 * (i * 3), small);
            point = backup(repository, "web", Optional.of(point), i + 1, disk.freezeIncremental());
            shipped[i] = point.counters().bytesShipped();
            contents[i] = disk.content.clone();
            points[i] = point;
        }
        // A whole segment and three of sub-chunks; the next change ships everything and starts anew.
        assertThat(shipped).containsExactly(4096, 4096, 4096, 65536, 4096);
        for (int i = 0; i < 5; i++) {
            assertRestores(repository, points[i], "root", contents[i]);
        }
    }

    @Test
    void sameContentIsStoredOnce() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        byte[] noise = new byte[1 << 20];
        new Random(7).nextBytes(noise);
        disk.write(0, noise);
        backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        RecoveryPoint other = backup(reopen(target, 5), "db", Optional.empty(), 0, disk.freezeFull("first"));
        assertThat(other.counters().chunksChanged()).isEqualTo(16);
        assertThat(other.counters().chunksShipped()).isZero();
        assertThat(other.counters().bytesStored()).isLessThan(10_000);
        assertRestores(repository, other, "root", disk.content);
    }
}
