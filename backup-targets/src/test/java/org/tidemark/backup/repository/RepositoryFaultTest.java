package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.backup.engine.EngineException;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * The target fails at its n-th call, for every n until a run gets through: whatever was committed restores, bit for
 * bit.
 */
@Timeout(120)
class RepositoryFaultTest {
    @ParameterizedTest
    @EnumSource(names = {"FAIL", "FULL", "UNREACHABLE", "LOSE_ANSWER", "DUPLICATE", "DELAY"})
    void committedPointsSurviveAFaultAtAnyCall(MemoryFault fault) throws Exception {
        for (int failing = 1; run(fault, failing); failing++) {
            assertThat(failing).as("a run gets through at last").isLessThan(500);
        }
    }

    /** Three backups, the fault at one call. Returns whether that call was reached. */
    private static boolean run(MemoryFault fault, int failing) throws Exception {
        MemoryTarget target = new MemoryTarget();
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        Random random = new Random(failing);
        Map<Long, byte[]> committed = new HashMap<>();
        Map<Long, byte[]> perhaps = new HashMap<>();
        AtomicLong calls = new AtomicLong();
        try (BackupRepository repository = BackupRepository.create(target, options(failing))) {
            boolean sure = false;
            for (int i = 0; i < 3; i++) {
                disk.writeRandomly(random, 10);
                Optional<RecoveryPoint> parent = latest(repository, "web");
                // After a failure the caller is not sure of the tracker: everything is read.
                ModelDisk.Source source =
                        sure && parent.isPresent() ? disk.freezeIncremental() : disk.freezeFull("not sure");
                long next = parent.map(RecoveryPoint::sequence).orElse(0L) + 1;
                target.faults((verb, key, call) -> calls.incrementAndGet() == failing ? fault : MemoryFault.NONE);
                try {
                    sure = false;
                    committed.put(backup(repository, "web", parent, i, source).sequence(), source.frozen);
                    sure = true;
                } catch (TargetException | RepositoryException e) {
                    // Perhaps it happened all the same: an answer was lost.
                    perhaps.put(next, source.frozen);
                } catch (EngineException e) {
                    // A listing was late, and the parent looked older than it was.
                    assertThat(e.kind()).isEqualTo(EngineException.Kind.PARENT_MISMATCH);
                }
                target.faults((verb, key, call) -> MemoryFault.NONE);
                checkAll(target, committed, perhaps);
            }
        }
        return calls.get() >= failing;
    }

    private static void checkAll(MemoryTarget target, Map<Long, byte[]> committed, Map<Long, byte[]> perhaps)
            throws IOException {
        try (BackupRepository other = reopen(target, 99)) {
            PointList list = other.points("web");
            assertThat(list.unreadable()).isEmpty();
            for (RecoveryPoint point : list.points()) {
                assertRestores(
                        other,
                        point,
                        "root",
                        committed.getOrDefault(point.sequence(), perhaps.getOrDefault(point.sequence(), new byte[0])));
            }
        }
    }
}
