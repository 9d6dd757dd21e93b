package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * The machine dies after the n-th step of a put, for every n until a run gets through. What was written and not synced
 * is gone then. Every point that a listing shows afterwards restores bit for bit.
 */
@Timeout(120)
class RepositoryCrashTest {
    @TempDir
    Path folder;

    /** Three backups on a machine that dies. Returns whether it did. */
    private boolean run(int diesAt, java.util.function.UnaryOperator<BackupTarget> between) throws Exception {
        Path root = folder.resolve("root-" + diesAt);
        Random random = new Random(diesAt);
        LocalTarget.create(root, random);
        DyingMachine machine = new DyingMachine(diesAt);
        BackupTarget target = between.apply(LocalTarget.open(root, random, machine));
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        Map<Long, byte[]> attempts = new HashMap<>();
        long committed = 0;
        try (BackupRepository repository = BackupRepository.create(target, options(diesAt))) {
            Optional<RecoveryPoint> parent = Optional.empty();
            for (int i = 0; i < 3; i++) {
                disk.writeRandomly(random, 10);
                ModelDisk.Source source = i == 0 ? disk.freezeFull("first") : disk.freezeIncremental();
                attempts.put(i + 1L, source.frozen);
                parent = Optional.of(backup(repository, "web", parent, i, source));
                committed++;
            }
        } catch (DyingMachine.Died e) {
            assertThat(machine.died()).isTrue();
        }
        machine.losePower(random);
        checkWhatIsLeft(LocalTarget.open(root, random), committed, attempts);
        return machine.died();
    }

    private static void checkWhatIsLeft(BackupTarget target, long committed, Map<Long, byte[]> attempts)
            throws IOException {
        BackupRepository opened;
        try {
            opened = reopen(target, 7);
        } catch (RepositoryException e) {
            assertThat(e.kind()).isEqualTo(RepositoryException.Kind.NOT_A_REPOSITORY);
            assertThat(committed).isZero();
            return;
        }
        try (BackupRepository repository = opened) {
            var list = repository.points("web");
            assertThat(list.unreadable()).isEmpty();
            assertThat(list.points().size()).isBetween((int) committed, (int) committed + 1);
            for (RecoveryPoint point : list.points()) {
                assertRestores(repository, point, "root", attempts.getOrDefault(point.sequence(), new byte[0]));
            }
            // And the next backup simply works.
            ModelDisk disk = new ModelDisk("root", 1 << 20);
            disk.writeRandomly(new Random(committed), 5);
            RecoveryPoint next =
                    backup(repository, "web", latest(repository, "web"), 9, disk.freezeFull("after the crash"));
            assertRestores(repository, next, "root", disk.content);
        }
    }

    @Test
    void aCrashAfterAnyStepLeavesOnlyWholePoints() throws Exception {
        for (int diesAt = 1; run(diesAt, target -> target); diesAt++) {
            assertThat(diesAt).isLessThan(500);
        }
    }

    @Test
    void controlALogThatIsWrittenBeforeItsPacksIsCaught() {
        assertThatThrownBy(() -> {
                    for (int diesAt = 1; run(diesAt, RecordFirst::new); diesAt++) {
                        assertThat(diesAt).isLessThan(500);
                    }
                })
                .isInstanceOfAny(RepositoryException.class, AssertionError.class);
    }
}
