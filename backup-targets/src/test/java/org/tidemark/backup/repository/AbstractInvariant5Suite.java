package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Invariant 5: a recovery point that was committed restores bit for bit, whatever writers and crashes do. Here several
 * writers of the same containers work at once over a target that fails now and then, in every way targets do. (There is
 * no collector yet.)
 */
@Timeout(120)
public abstract class AbstractInvariant5Suite {
    /** An empty target. */
    protected abstract BackupTarget newTarget() throws Exception;

    /** How many of the seeds this target is worth. */
    protected abstract int seedLimit();

    static LongStream seeds() {
        return Seeds.of(50).limit(60);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void withManyWritersAndFaults(long seed) throws Exception {
        if (seed > seedLimit() && Long.getLong("seed") == null) {
            return;
        }
        Seeds.replayable(getClass(), seed, random -> {
            FaultyTarget target = new FaultyTarget(newTarget());
            BackupRepository shared = BackupRepository.create(target, options(seed));
            Map<String, byte[]> committed = new ConcurrentHashMap<>();
            AtomicReference<@Nullable Throwable> unexpected = new AtomicReference<>();
            target.faults((verb, key, call) -> fault(seed, call));
            int writers = 3;
            CountDownLatch end = new CountDownLatch(writers);
            for (int i = 0; i < writers; i++) {
                Random own = new Random(random.nextLong());
                Thread thread = new Thread(() -> {
                    try {
                        write(shared, own, committed);
                    } catch (Throwable e) {
                        unexpected.compareAndSet(null, e);
                    } finally {
                        end.countDown();
                    }
                });
                thread.setDaemon(true);
                thread.start();
            }
            assertThat(end.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(unexpected.get()).isNull();
            shared.close();
            target.faults((verb, key, call) -> MemoryFault.NONE);
            try (BackupRepository repository = reopen(target, 1)) {
                int found = 0;
                for (String container : repository.containers()) {
                    assertThat(repository.points(container).unreadable()).isEmpty();
                    for (RecoveryPoint point : repository.points(container).points()) {
                        byte[] content = committed.get(point.pointId());
                        if (content != null) {
                            assertRestores(repository, point, "root", content);
                            found++;
                        }
                    }
                }
                assertThat(found).isEqualTo(committed.size());
                assertThat(new DeepVerify(repository, () -> false).everything().clean())
                        .isTrue();
            }
        });
    }

    private static MemoryFault fault(long seed, long call) {
        int dice = new Random(seed * 31 + call).nextInt(200);
        return switch (dice) {
            case 0 -> MemoryFault.FAIL;
            case 1 -> MemoryFault.LOSE_ANSWER;
            case 2 -> MemoryFault.DUPLICATE;
            case 3 -> MemoryFault.FULL;
            case 4 -> MemoryFault.DELAY;
            default -> MemoryFault.NONE;
        };
    }

    private static void write(BackupRepository repository, Random random, Map<String, byte[]> committed)
            throws Exception {
        ModelDisk disk = new ModelDisk("root", 512 << 10);
        for (int i = 0; i < 4; i++) {
            disk.writeRandomly(random, 6);
            String container = random.nextBoolean() ? "web" : "db";
            ModelDisk.Source source = disk.freezeFull("one of many");
            try {
                Optional<RecoveryPoint> parent = latest(repository, container);
                RecoveryPoint point = backup(repository, container, parent, i, source);
                committed.put(point.pointId(), source.frozen);
            } catch (TargetException e) {
                assertThat(e.kind()).isNotEqualTo(TargetException.Kind.CORRUPT);
            } catch (RepositoryException e) {
                assertThat(e.kind()).isEqualTo(RepositoryException.Kind.CONFLICT);
            }
        }
    }
}
