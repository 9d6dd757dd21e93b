package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;

import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * Invariant 3: a committed recovery point never changes. No blob that exists is ever changed or gone, whatever is done
 * afterwards.
 */
@Timeout(60)
public abstract class AbstractInvariant3Suite {
    /** An empty target. */
    protected abstract BackupTarget newTarget() throws Exception;

    /** How many steps this target is worth. */
    protected int steps() {
        return 30;
    }

    @Test
    void everyBlobStaysAsItWasWritten() throws Exception {
        FaultyTarget target = new FaultyTarget(newTarget());
        BackupRepository repository = BackupRepository.create(target, options(3));
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        Random random = new Random(3);
        for (int i = 0; i < steps(); i++) {
            Map<String, byte[]> before = target.snapshot();
            disk.writeRandomly(random, 6);
            int step = i;
            try {
                switch (i % 5) {
                    case 3 -> new DeepVerify(repository, () -> false).everything();
                    case 4 -> {
                        target.faults(
                                (verb, key, call) -> call == 4 + step / 5 ? MemoryFault.LOSE_ANSWER : MemoryFault.NONE);
                        backup(repository, "web", latest(repository, "web"), i, disk.freezeFull("fault"));
                    }
                    default ->
                        backup(
                                repository,
                                i % 2 == 0 ? "web" : "db",
                                i < 2 ? Optional.empty() : latest(repository, i % 2 == 0 ? "web" : "db"),
                                i,
                                disk.freezeFull("again"));
                }
            } catch (java.io.IOException e) {
                assertThat(i % 5).isEqualTo(4);
            }
            target.faults((verb, key, call) -> MemoryFault.NONE);
            Map<String, byte[]> after = target.snapshot();
            before.forEach((key, bytes) -> assertThat(after.get(key)).as(key).isEqualTo(bytes));
        }
        repository.close();
    }
}
