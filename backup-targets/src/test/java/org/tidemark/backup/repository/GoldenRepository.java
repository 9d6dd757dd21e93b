package org.tidemark.backup.repository;

import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.local.LocalTarget;
import org.tidemark.backup.testing.ModelDisk;

/**
 * Wrote golden/repository-1, once. What is there stays there for ever; a new version of the format gets a folder of its
 * own. Holds zero chunks, whole ones stored and compressed, mosaics, complete pages and patches, two containers, two
 * images, a partial last chunk.
 */
final class GoldenRepository {
    private GoldenRepository() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<String> expected = new ArrayList<>();
        try (LocalTarget target = LocalTarget.create(folder, new Random(1));
                BackupRepository repository = BackupRepository.create(target, options(1))) {
            Random random = new Random(2);
            ModelDisk root = new ModelDisk("root", 300_001);
            ModelDisk data = new ModelDisk("data", 70_000);
            byte[] noise = new byte[66_000];
            random.nextBytes(noise);
            root.write(0, noise);
            data.write(0, "the tide comes and goes ".repeat(2000).getBytes(java.nio.charset.StandardCharsets.UTF_8));
            Optional<RecoveryPoint> parent = Optional.empty();
            for (int i = 0; i < 6; i++) {
                boolean full = i == 0 || i == 5;
                ModelDisk.Source rootSource = full ? root.freezeFull("golden") : root.freezeIncremental();
                ModelDisk.Source dataSource = full ? data.freezeFull("golden") : data.freezeIncremental();
                RecoveryPoint point = backup(repository, "web", parent, i, rootSource, dataSource);
                parent = Optional.of(point);
                expected.add(line(point, rootSource));
                expected.add(line(point, dataSource));
                byte[] small = new byte[3000];
                random.nextBytes(small);
                root.write(8192 * (i + 1), small);
            }
            ModelDisk.Source other = root.freezeFull("golden");
            expected.add(line(backup(repository, "db-1", Optional.empty(), 9, other), other));
        }
        Files.write(folder.resolveSibling(folder.getFileName() + ".expected"), expected);
    }

    private static String line(RecoveryPoint point, ModelDisk.Source source) {
        return String.join(" ", point.containerId(), point.pointId(), source.imageId(), sha256(source.frozen));
    }

    static String sha256(byte[] bytes) {
        MessageDigest digest = ChunkId.newDigest();
        return HexFormat.of().formatHex(digest.digest(bytes));
    }
}
