package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.NOON;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryTarget;

/** The suite in memory, and what needs a target that can be damaged. */
class BackupRepositoryTest extends AbstractBackupRepositorySuite {
    private final MemoryTarget target = new MemoryTarget();

    @Override
    protected org.tidemark.backup.target.BackupTarget newTarget() {
        return target;
    }

    @Test
    void aNewerVersionIsRefusedAndADamagedOneTold() throws Exception {
        BackupRepository.create(target, options(1));
        byte[] json = target.snapshot().get("format.json");
        for (int bit = 0; bit < json.length * 8; bit++) {
            byte[] flipped = json.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            target.damage("format.json", flipped);
            try {
                BackupRepository opened = reopen(target, 2);
                // White space outside of strings, or an unknown member: the content is the same.
                assertThat(new RepositoryFormat(org.tidemark.backup.repository.pack.PackId.parse(opened.id()), NOON)
                                .encode())
                        .isEqualTo(json);
            } catch (RepositoryException e) {
                assertThat(e.kind()).isIn(Kind.DAMAGED, Kind.UNSUPPORTED);
            }
        }
    }

    @Test
    void aLostOrDoubledAnswerOfTheCommitIsStillOurs() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        disk.writeRandomly(new Random(1), 10);
        for (MemoryFault fault : List.of(MemoryFault.LOSE_ANSWER, MemoryFault.DUPLICATE)) {
            boolean[] once = {false};
            target.faults((verb, key, call) -> {
                boolean hit = !once[0] && verb == MemoryFault.Verb.PUT && key.startsWith("ct/");
                once[0] |= hit;
                return hit ? fault : MemoryFault.NONE;
            });
            RecoveryPoint point = backup(repository, "web-" + fault, Optional.empty(), 0, disk.freezeFull("first"));
            assertThat(once[0]).isTrue();
            assertThat(repository.points("web-" + fault).points()).containsExactly(point);
        }
    }

    @Test
    void aPackThatWasPutTwiceIsStillOurs() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        disk.writeRandomly(new Random(1), 20);
        target.faults((verb, key, call) ->
                verb == MemoryFault.Verb.PUT && key.startsWith("pack/") ? MemoryFault.DUPLICATE : MemoryFault.NONE);
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        assertThat(point.counters().packs()).isPositive();
        assertRestores(repository, point, "root", disk.content);
    }

    @Test
    void anUnreadableRecordIsNeverSilentlyPassedOver() throws Exception {
        BackupRepository repository = BackupRepository.create(target, options(1));
        RecoveryPoint first = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        backup(repository, "web", Optional.of(first), 60, disk.freezeIncremental());
        target.damage("ct/web/log/00000000000000000002", new byte[] {1, 2, 3});
        var list = repository.points("web");
        assertThat(list.points()).containsExactly(first);
        assertThat(list.unreadable()).hasSize(1);
        assertThat(list.lastSequence()).isEqualTo(2);
        fails(Kind.DAMAGED, () -> PointSelector.select(list, "latest"));
        assertThat(PointSelector.select(list, first.pointId())).isEqualTo(first);
        // The number stays taken.
        RecoveryPoint third = backup(repository, "web", Optional.of(first), 120, disk.freezeFull("again"));
        assertThat(third.sequence()).isEqualTo(3);
    }
}
