package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.local.LocalTarget;
import org.tidemark.backup.testing.ModelDisk;

/** Invariant 6: an empty listing, a miss or an I/O error never leads to a deletion. */
@Timeout(60)
class Invariant6AbsenceNeverDeletesTest {
    @TempDir
    Path folder;

    private static TreeMap<String, Integer> files(Path root) throws IOException {
        TreeMap<String, Integer> files = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path path : walk.filter(Files::isRegularFile).toList()) {
                files.put(root.relativize(path).toString(), Arrays.hashCode(Files.readAllBytes(path)));
            }
        }
        return files;
    }

    @Test
    void thereIsNoVerbToDeleteWith() {
        assertThat(Stream.of(BackupTarget.class.getMethods()).map(method -> method.getName()))
                .containsExactlyInAnyOrder(
                        "putIfAbsent",
                        "get",
                        "stat",
                        "list",
                        "listFolders",
                        "capabilities",
                        "validate",
                        "describe",
                        "close");
    }

    @Test
    void aRootThatVanishesAndComesBackHasLostNothing() throws Exception {
        Path root = folder.resolve("root");
        BackupTarget target = LocalTarget.create(root, new Random(1));
        BackupRepository repository = BackupRepository.create(target, options(1));
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        disk.writeRandomly(new Random(2), 20);
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        TreeMap<String, Integer> before = files(root);

        Files.move(root, folder.resolve("away"));
        Files.createDirectory(root);
        assertThatThrownBy(repository::containers).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> repository.points("web")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> new DeepVerify(repository, () -> false).point(point))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> backup(repository, "web", Optional.of(point), 1, disk.freezeFull("again")))
                .isInstanceOf(IOException.class);
        assertThat(files(root)).isEmpty();

        Files.delete(root);
        Files.move(folder.resolve("away"), root);
        assertThat(files(root)).isEqualTo(before);
        assertRestores(repository, repository.points("web").points().get(0), "root", disk.content);
    }

    @Test
    void aMissingRecordOrPackDeletesNothingElse() throws Exception {
        Path root = folder.resolve("root");
        BackupTarget target = LocalTarget.create(root, new Random(1));
        BackupRepository repository = BackupRepository.create(target, options(1));
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        disk.writeRandomly(new Random(2), 20);
        RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
        for (String gone : files(root).keySet()) {
            if (gone.startsWith(".") || gone.equals("format.json")) {
                continue;
            }
            Path aside = folder.resolve("aside");
            Files.move(root.resolve(gone), aside);
            TreeMap<String, Integer> before = files(root);
            new DeepVerify(repository, () -> false).everything();
            repository.points("web");
            assertThat(files(root)).isEqualTo(before);
            Files.move(aside, root.resolve(gone));
        }
        assertRestores(repository, point, "root", disk.content);
    }
}
