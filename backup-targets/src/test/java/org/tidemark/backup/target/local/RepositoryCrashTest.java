package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.testing.ModelDisk;

/**
 * The machine dies after the n-th step of a put, for every n until a run gets through. What was written and not synced
 * is gone then. Every point that a listing shows afterwards restores bit for bit.
 */
@Timeout(120)
class RepositoryCrashTest {
    @TempDir
    Path folder;

    private static final class Died extends Error {
        private static final long serialVersionUID = 1L;
    }

    /** Lets steps happen until its number is up; knows what is not durable then. */
    private static final class Machine implements PutStep.Watcher {
        private final int diesAt;
        private int steps;
        private final Set<Path> unsynced = new HashSet<>();
        private final Set<Path> unpromised = new HashSet<>();

        Machine(int diesAt) {
            this.diesAt = diesAt;
        }

        @Override
        public synchronized void reached(PutStep step, Path file) {
            if (steps >= diesAt) {
                throw new Died();
            }
            switch (step) {
                case WRITTEN -> unsynced.add(file);
                case SYNCED -> unsynced.remove(file);
                case LINKED -> unpromised.add(file);
                case FOLDER_SYNCED -> unpromised.remove(file);
                case UNLINKED -> {}
            }
            if (++steps >= diesAt) {
                throw new Died();
            }
        }

        /** What the loss of power does: content not synced becomes short, names not synced may vanish. */
        synchronized void losePower(Random random) throws IOException {
            for (Path file : unsynced) {
                if (Files.exists(file)) {
                    Files.write(file, new byte[random.nextInt(100)]);
                }
            }
            for (Path name : unpromised) {
                if (random.nextBoolean()) {
                    Files.deleteIfExists(name);
                }
            }
        }

        synchronized boolean died() {
            return steps >= diesAt;
        }
    }

    /** Three backups on a machine that dies. Returns whether it did. */
    private boolean run(int diesAt, java.util.function.UnaryOperator<BackupTarget> between) throws Exception {
        Path root = folder.resolve("root-" + diesAt);
        Random random = new Random(diesAt);
        LocalTarget.create(root, random);
        Machine machine = new Machine(diesAt);
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
        } catch (Died e) {
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

    /** The mistake: keeps packs back until the record is written. */
    private static final class RecordFirst implements BackupTarget {
        private final BackupTarget target;
        private final Map<String, ByteBuffer> kept = new HashMap<>();

        RecordFirst(BackupTarget target) {
            this.target = target;
        }

        @Override
        public synchronized void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
            if (key.startsWith("pack/")) {
                ByteBuffer copy = ByteBuffer.allocate(
                        content.stream().mapToInt(ByteBuffer::remaining).sum());
                content.forEach(part -> copy.put(part.duplicate()));
                kept.put(key, copy.flip());
                return;
            }
            target.putIfAbsent(key, content);
            for (Map.Entry<String, ByteBuffer> pack : new ArrayList<>(kept.entrySet())) {
                target.putIfAbsent(pack.getKey(), List.of(pack.getValue()));
            }
            kept.clear();
        }

        @Override
        public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
            return target.get(key, range, dst);
        }

        @Override
        public long stat(String key) throws TargetException {
            return target.stat(key);
        }

        @Override
        public void list(String prefix, BlobVisitor visitor) throws TargetException {
            target.list(prefix, visitor);
        }

        @Override
        public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
            target.listFolders(prefix, visitor);
        }

        @Override
        public TargetCapabilities capabilities() {
            return target.capabilities();
        }

        @Override
        public void validate() throws TargetException {
            target.validate();
        }

        @Override
        public String describe() {
            return target.describe();
        }

        @Override
        public void close() {
            target.close();
        }
    }
}
