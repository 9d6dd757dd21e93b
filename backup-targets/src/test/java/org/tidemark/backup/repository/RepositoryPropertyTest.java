package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.assertReads;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.ploop.testing.Seeds;

/** Random disks, random writes, several points: every point restores to what the disk was, for ever. */
@Timeout(120)
class RepositoryPropertyTest {
    static LongStream seeds() {
        return Seeds.of(100);
    }

    private record Held(RecoveryPoint point, String imageId, byte[] content) {}

    @ParameterizedTest
    @MethodSource("seeds")
    void everyPointRestores(long seed) throws Exception {
        Seeds.replayable(RepositoryPropertyTest.class, seed, random -> {
            // Every second seed reads ahead, as over S3.
            int preferredReadBytes = seed % 2 == 0 ? 65_536 << random.nextInt(5) : 0;
            BackupTarget target = new FaultyTarget(new MemoryTarget(), preferredReadBytes);
            BackupRepository repository = BackupRepository.create(target, options(seed));
            ModelDisk root = new ModelDisk("root", 1 + random.nextInt(3 << 20));
            ModelDisk data = new ModelDisk("data", 1 + random.nextInt(1 << 20));
            List<Held> held = new ArrayList<>();
            int points = 2 + random.nextInt(8);
            for (int i = 0; i < points; i++) {
                root.writeRandomly(random, random.nextInt(20));
                data.writeRandomly(random, random.nextInt(4));
                Optional<RecoveryPoint> parent = latest(repository, "web");
                boolean full = parent.isEmpty() || random.nextInt(6) == 0;
                if (full && random.nextInt(3) == 0) {
                    root.content = java.util.Arrays.copyOf(root.content, 1 + random.nextInt(3 << 20));
                }
                ModelDisk.Source rootSource = full ? root.freezeFull("because") : root.freezeIncremental();
                ModelDisk.Source dataSource = parent.isEmpty() ? data.freezeFull("first") : data.freezeIncremental();
                RecoveryPoint point = backup(repository, "web", parent, i, rootSource, dataSource);
                held.add(new Held(point, "root", rootSource.frozen));
                held.add(new Held(point, "data", dataSource.frozen));
                if (random.nextInt(4) == 0) {
                    repository.close();
                    repository = org.tidemark.backup.testing.Repositories.reopen(target, seed * 1000 + i);
                }
            }
            for (Held one : held) {
                assertRestores(repository, one.point(), one.imageId(), one.content());
                assertReads(repository, one.point(), one.imageId(), one.content(), random);
            }
            assertThat(new DeepVerify(repository, () -> false).everything().clean())
                    .isTrue();
            repository.close();
        });
    }
}
