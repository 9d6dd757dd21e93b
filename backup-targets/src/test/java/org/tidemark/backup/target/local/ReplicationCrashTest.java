package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.replication.PackRoom;
import org.tidemark.backup.replication.ReplicationProgress;
import org.tidemark.backup.replication.Replicator;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * The machine of the replica dies after the n-th step of a put, for every n until a replication gets through. Every
 * point that a listing shows afterwards restores bit for bit, and the next replication completes the rest.
 */
@Timeout(120)
class ReplicationCrashTest {
    @TempDir
    Path folder;

    private final MemoryTarget source = new MemoryTarget();
    private final Map<Long, byte[]> contents = new HashMap<>();

    @BeforeEach
    void threePoints() throws Exception {
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        Random random = new Random(5);
        try (BackupRepository repository = BackupRepository.create(source, options(5))) {
            Optional<RecoveryPoint> parent = Optional.empty();
            for (int i = 0; i < 3; i++) {
                disk.writeRandomly(random, 10);
                ModelDisk.Source frozen = i == 0 ? disk.freezeFull("first") : disk.freezeIncremental();
                parent = Optional.of(backup(repository, "web", parent, i, frozen));
                contents.put(i + 1L, frozen.frozen);
            }
        }
    }

    private void replicate(BackupTarget place) throws Exception {
        try (BackupRepository from = reopen(source, 1)) {
            from.beginReplica(place);
            try (BackupRepository replica = reopen(place, 2);
                    Replicator replicator =
                            new Replicator(from, replica, place, new PackRoom(1 << 20), () -> false, () -> false)) {
                replicator.run("web", ReplicationProgress.SILENT);
            }
        }
    }

    /** Returns whether the machine died. */
    private boolean run(int diesAt, UnaryOperator<BackupTarget> between) throws Exception {
        Path root = folder.resolve("root-" + diesAt);
        Random random = new Random(diesAt);
        LocalTarget.create(root, random);
        DyingMachine machine = new DyingMachine(diesAt);
        try {
            replicate(between.apply(LocalTarget.open(root, random, machine)));
        } catch (DyingMachine.Died e) {
            assertThat(machine.died()).isTrue();
        }
        machine.losePower(random);
        BackupTarget left = LocalTarget.open(root, random);
        try {
            assertRestoresWhatIsThere(left);
        } catch (RepositoryException e) {
            if (e.kind() != RepositoryException.Kind.NOT_A_REPOSITORY) {
                throw e;
            }
        }
        replicate(left);
        assertThat(assertRestoresWhatIsThere(left)).isEqualTo(3);
        return machine.died();
    }

    private int assertRestoresWhatIsThere(BackupTarget place) throws Exception {
        try (BackupRepository replica = reopen(place, 7)) {
            var list = replica.points("web");
            assertThat(list.unreadable()).isEmpty();
            for (RecoveryPoint point : list.points()) {
                assertRestores(replica, point, "root", contents.getOrDefault(point.sequence(), new byte[0]));
            }
            return list.points().size();
        }
    }

    @Test
    void aCrashAfterAnyStepLeavesOnlyWholePoints() throws Exception {
        for (int diesAt = 1; run(diesAt, target -> target); diesAt++) {
            assertThat(diesAt).isLessThan(500);
        }
    }

    @Test
    void controlARecordThatIsSentBeforeItsPacksIsCaught() {
        assertThatThrownBy(() -> {
                    for (int diesAt = 1; run(diesAt, RecordFirst::new); diesAt++) {
                        assertThat(diesAt).isLessThan(500);
                    }
                })
                .isInstanceOfAny(RepositoryException.class, AssertionError.class);
    }
}
