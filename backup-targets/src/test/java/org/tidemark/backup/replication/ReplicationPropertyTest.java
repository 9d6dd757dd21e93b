package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Random containers that share content, random points, replicated now and then in random order; also from the replica to
 * a replica of its own. The source is thrown away: everything restores from what is left.
 */
@Timeout(120)
class ReplicationPropertyTest {
    static LongStream seeds() {
        return Seeds.of(60);
    }

    private record Held(RecoveryPoint point, String imageId, byte[] content) {}

    @ParameterizedTest
    @MethodSource("seeds")
    void everythingRestoresFromTheReplica(long seed) throws Exception {
        Seeds.replayable(ReplicationPropertyTest.class, seed, random -> {
            BackupTarget source = new FaultyTarget(new MemoryTarget(), seed % 2 == 0 ? 65_536 << random.nextInt(5) : 0);
            MemoryTarget place = new MemoryTarget();
            MemoryTarget second = new MemoryTarget();
            TreeMap<String, List<ModelDisk>> containers = new TreeMap<>();
            for (int i = 0; i <= random.nextInt(3); i++) {
                containers.put(
                        "ct" + i,
                        List.of(
                                new ModelDisk("root", 1 + random.nextInt(3 << 20)),
                                new ModelDisk("data", 1 + random.nextInt(1 << 20))));
            }
            List<String> names = new ArrayList<>(containers.keySet());
            List<Held> held = new ArrayList<>();
            BackupRepository.create(source, options(seed)).close();
            int points = 2 + random.nextInt(8);
            for (int i = 0; i < points; i++) {
                String name = names.get(random.nextInt(names.size()));
                try (BackupRepository repository = reopen(source, seed * 1000 + i)) {
                    point(repository, name, containers, i, random, held);
                }
                if (random.nextInt(3) == 0) {
                    Collections.shuffle(names, random);
                    Replication.run(source, place, names.subList(0, 1 + random.nextInt(names.size())));
                    Replication.assertWhole(place);
                }
                if (random.nextInt(4) == 0 && place.snapshot().containsKey("format.json")) {
                    Replication.run(place, second, names);
                }
            }
            Replication.run(source, place, names);
            Replication.run(place, second, names);
            for (MemoryTarget left : List.of(place, second)) {
                try (BackupRepository replica = reopen(left, 7)) {
                    for (Held one : held) {
                        assertRestores(replica, one.point(), one.imageId(), one.content());
                    }
                }
                Replication.assertWhole(left);
            }
            assertThat(second.snapshot().keySet()).isEqualTo(place.snapshot().keySet());
        });
    }

    private static void point(
            BackupRepository repository,
            String name,
            TreeMap<String, List<ModelDisk>> containers,
            int second,
            Random random,
            List<Held> held)
            throws Exception {
        List<ModelDisk> disks = containers.getOrDefault(name, List.of());
        ModelDisk root = disks.get(0);
        ModelDisk data = disks.get(1);
        root.writeRandomly(random, random.nextInt(20));
        data.writeRandomly(random, random.nextInt(4));
        if (random.nextInt(3) == 0) {
            // What another container has too.
            ModelDisk other = containers.firstEntry().getValue().get(0);
            int length = Math.min(other.content.length, root.content.length) / 65_536 * 65_536;
            root.write(0, Arrays.copyOf(other.content, Math.max(1, length)));
        }
        Optional<RecoveryPoint> parent = latest(repository, name);
        boolean full = parent.isEmpty() || random.nextInt(6) == 0;
        if (full && random.nextInt(3) == 0) {
            root.content = Arrays.copyOf(root.content, 1 + random.nextInt(3 << 20));
        }
        ModelDisk.Source rootSource = full ? root.freezeFull("because") : root.freezeIncremental();
        ModelDisk.Source dataSource = parent.isEmpty() ? data.freezeFull("first") : data.freezeIncremental();
        RecoveryPoint point = backup(repository, name, parent, second, rootSource, dataSource);
        held.add(new Held(point, "root", rootSource.frozen));
        held.add(new Held(point, "data", dataSource.frozen));
    }
}
