package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.replication.Replication.assertWhole;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.PacedTarget;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;

/** What a replication does, onto whatever target. */
@Timeout(120)
public abstract class AbstractReplicatorSuite {
    final MemoryTarget source = new MemoryTarget();
    final ModelDisk disk = new ModelDisk("root", 3 << 20);
    final Random random = new Random(11);

    /** An empty target. */
    protected abstract BackupTarget newTarget() throws Exception;

    final RecoveryPoint point(long second) throws Exception {
        if (!source.snapshot().containsKey("format.json")) {
            BackupRepository.create(source, options(1)).close();
            byte[] noise = new byte[2 << 20];
            random.nextBytes(noise);
            disk.write(0, noise);
        }
        try (BackupRepository repository = reopen(source, 100 + second)) {
            disk.writeRandomly(random, 8);
            Optional<RecoveryPoint> parent = latest(repository, "web");
            return backup(
                    repository,
                    "web",
                    parent,
                    second,
                    parent.isEmpty() ? disk.freezeFull("first") : disk.freezeIncremental());
        }
    }

    @Test
    void pointsArriveAndRestoreWithoutTheSource() throws Exception {
        Map<RecoveryPoint, byte[]> held = new HashMap<>();
        BackupTarget place = newTarget();
        for (int i = 0; i < 4; i++) {
            held.put(point(i), disk.content.clone());
            ReplicationResult result = Replication.run(source, place, List.of("web"));
            assertThat(result.points()).isEqualTo(1);
            assertThat(result.damaged()).isEmpty();
        }
        assertThat(Replication.run(source, place, List.of("web")).points()).isZero();
        assertWhole(place);
        try (BackupRepository replica = reopen(place, 5)) {
            for (Map.Entry<RecoveryPoint, byte[]> one : held.entrySet()) {
                assertRestores(replica, one.getKey(), "root", one.getValue());
            }
        }
        Map<String, byte[]> here = source.snapshot();
        assertThat(new FaultyTarget(place).snapshot())
                .hasSameSizeAs(here)
                .allSatisfy((key, bytes) -> assertThat(bytes).as(key).isEqualTo(here.get(key)));
    }

    @Test
    void aRunThatIsCutSendsAtMostOnePackAgain() throws Exception {
        point(0);
        point(1);
        BackupTarget place = newTarget();
        FaultyTarget faulty = new FaultyTarget(place);
        List<String> sent = new ArrayList<>();
        int cut = 0;
        for (boolean done = false; !done; ) {
            int[] puts = new int[1];
            faulty.faults((verb, key, call) -> {
                if (verb == MemoryFault.Verb.PUT && key.startsWith("pack/")) {
                    sent.add(key);
                    return ++puts[0] == 3 ? MemoryFault.LOSE_ANSWER : MemoryFault.NONE;
                }
                return MemoryFault.NONE;
            });
            try {
                Replication.run(source, faulty, List.of("web"));
                done = true;
            } catch (TargetException e) {
                cut++;
            }
            assertWhole(place);
        }
        assertThat(cut).isPositive();
        // The answer was lost, not the pack: the listing of the next run shows it.
        assertThat(sent).doesNotHaveDuplicates();
    }

    @Test
    void everyByteOfABlobKeepsThePace() throws Exception {
        BackupTarget place = newTarget();
        AtomicLong paced = new AtomicLong();
        BackupTarget held = PacedTarget.of(place, bytes -> {
            assertThat(bytes).isBetween(1, 64 << 10);
            paced.addAndGet(bytes);
        });
        byte[] noise = new byte[1_234_567];
        random.nextBytes(noise);
        held.putIfAbsent(
                "pack/blob", List.of(ByteBuffer.wrap(noise, 0, 1_000_000), ByteBuffer.wrap(noise, 1_000_000, 234_567)));
        assertThat(paced.get()).isEqualTo(noise.length);
        assertThat(new FaultyTarget(place).snapshot().get("pack/blob")).isEqualTo(noise);
    }
}
