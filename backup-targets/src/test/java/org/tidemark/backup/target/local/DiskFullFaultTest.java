package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.ploop.testing.Requires;

/** A real file system of 4 MiB runs full in the middle of a backup: the kind is FULL, and the points before it restore. */
@Timeout(60)
@Requires({"root", "mount", "umount"})
class DiskFullFaultTest {
    @TempDir
    Path folder;

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        if (!process.waitFor(20, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IllegalStateException("failed: " + String.join(" ", command));
        }
    }

    @Test
    void aFullTargetFailsTheBackupAndKeepsThePoints() throws Exception {
        Path mount = Files.createDirectory(folder.resolve("mount"));
        run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mount.toString());
        try {
            LocalTarget target = LocalTarget.create(mount.resolve("target"), new Random(1));
            try (BackupRepository repository = BackupRepository.create(target, options(1))) {
                ModelDisk disk = new ModelDisk("root", 8 << 20);
                byte[] noise = new byte[1 << 20];
                new Random(1).nextBytes(noise);
                disk.write(0, noise);
                ModelDisk.Source source = disk.freezeFull("first");
                RecoveryPoint first = backup(repository, "web", Optional.empty(), 0, source);
                byte[] more = new byte[6 << 20];
                new Random(2).nextBytes(more);
                disk.write(1 << 20, more);
                assertThatExceptionOfType(TargetException.class)
                        .isThrownBy(() -> backup(repository, "web", Optional.of(first), 1, disk.freezeIncremental()))
                        .satisfies(e -> assertThat(e.kind()).isEqualTo(TargetException.Kind.FULL))
                        .withMessageContaining("make room");
                assertThat(repository.points("web").points()).containsExactly(first);
                assertRestores(repository, first, "root", source.frozen);
            }
        } finally {
            run("umount", mount.toString());
        }
    }
}
