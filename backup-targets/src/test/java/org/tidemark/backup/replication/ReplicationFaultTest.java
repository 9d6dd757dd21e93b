package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.replication.Replication.assertSame;
import static org.tidemark.backup.replication.Replication.assertWhole;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryFault.Verb;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * Either side fails at its n-th call, for every n until a run gets through: every record on the replica is whole at
 * every moment, and a further run completes it and sends at most one pack again.
 */
@Timeout(120)
class ReplicationFaultTest {
    private final MemoryTarget content = content();

    private static MemoryTarget content() {
        MemoryTarget target = new MemoryTarget();
        try (BackupRepository repository = BackupRepository.create(target, options(1))) {
            Random random = new Random(4);
            for (String container : List.of("web", "db")) {
                ModelDisk disk = new ModelDisk("root", 1 << 20);
                for (int i = 0; i < 3; i++) {
                    disk.writeRandomly(random, 10);
                    backup(
                            repository,
                            container,
                            latest(repository, container),
                            i,
                            i == 0 ? disk.freezeFull("first") : disk.freezeIncremental());
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return target;
    }

    @ParameterizedTest
    @EnumSource(names = {"FAIL", "FULL", "UNREACHABLE", "LOSE_ANSWER", "DUPLICATE", "DELAY"})
    void aFailingReplicaIsWholeAtAnyMoment(MemoryFault fault) throws Exception {
        int failing = 1;
        for (boolean reached = true; reached; failing++) {
            MemoryTarget place = new MemoryTarget();
            FaultyTarget faulty = new FaultyTarget(place);
            reached = run(content, faulty, place, faulty, failing, fault);
            assertThat(failing).isLessThan(500);
        }
        assertThat(failing).isGreaterThan(10);
    }

    @ParameterizedTest
    @EnumSource(names = {"FAIL", "UNREACHABLE"})
    void aFailingSourceLeavesTheReplicaWhole(MemoryFault fault) throws Exception {
        int failing = 1;
        for (boolean reached = true; reached; failing++) {
            FaultyTarget faulty = new FaultyTarget(content);
            MemoryTarget place = new MemoryTarget();
            reached = run(faulty, place, place, faulty, failing, fault);
            assertThat(failing).isLessThan(2000);
        }
        assertThat(failing).isGreaterThan(10);
    }

    private boolean run(
            BackupTarget source,
            BackupTarget to,
            MemoryTarget place,
            FaultyTarget faulty,
            int failing,
            MemoryFault fault)
            throws Exception {
        boolean[] reached = new boolean[1];
        faulty.faults((verb, key, call) -> {
            reached[0] |= call == failing;
            return call == failing ? fault : MemoryFault.NONE;
        });
        try {
            Replication.run(source, to, List.of("web", "db"));
        } catch (IOException e) {
            assertThat(reached[0]).as(String.valueOf(e.getMessage())).isTrue();
        }
        faulty.faults((verb, key, call) -> MemoryFault.NONE);
        if (place.snapshot().containsKey("format.json")) {
            assertWhole(place);
        }
        Map<String, Integer> puts = new HashMap<>();
        FaultyTarget counting = new FaultyTarget(place);
        counting.faults((verb, key, call) -> {
            if (verb == Verb.PUT && key.startsWith("pack/") && place.snapshot().containsKey(key)) {
                puts.merge(key, 1, Integer::sum);
            }
            return MemoryFault.NONE;
        });
        Replication.run(content, counting, List.of("web", "db"));
        assertThat(puts.size()).as("packs sent again").isLessThanOrEqualTo(1);
        assertSame(content.snapshot(), place.snapshot());
        try (BackupRepository replica = reopen(place, 1)) {
            assertThat(replica.points("web").points()).hasSize(3);
            assertThat(replica.points("db").points()).hasSize(3);
        }
        assertWhole(place);
        return reached[0];
    }
}
