package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.local.LocalTarget;
import org.tidemark.backup.testing.Repositories;

/** Version 1 of the format, byte for byte: golden/repository-1 must read for ever. */
@Timeout(60)
class RepositoryFormatTest {
    private static Path golden(String name) throws Exception {
        URL found = Objects.requireNonNull(RepositoryFormatTest.class.getResource("/golden/" + name), name);
        return Path.of(found.toURI());
    }

    private static BackupRepository open() throws Exception {
        return BackupRepository.open(
                LocalTarget.open(golden("repository-1"), new Random(1)), Optional.empty(), Repositories.options(1));
    }

    @Test
    void everyPointOfTheGoldenRepositoryReads() throws Exception {
        try (BackupRepository repository = open()) {
            assertThat(repository.containers()).containsExactly("db-1", "web");
            List<String> lines = Files.readAllLines(golden("repository-1.expected"));
            assertThat(lines).hasSize(13);
            for (String line : lines) {
                String[] words = line.split(" ");
                RecoveryPoint point = PointSelector.select(repository.points(words[0]), words[1]);
                ImageReader image = repository.openPoint(point).image(words[2]);
                ByteBuffer content = ByteBuffer.allocate((int) image.sizeBytes());
                image.read(0, content);
                assertThat(GoldenRepository.sha256(content.array())).as(line).isEqualTo(words[3]);
            }
            assertThat(new DeepVerify(repository, () -> false).everything().clean())
                    .isTrue();
        }
    }

    @Test
    void theBytesAreWhereThePageSays() throws Exception {
        Path root = golden("repository-1");
        Path packFile;
        try (Stream<Path> walk = Files.walk(root.resolve("pack"))) {
            packFile = walk.filter(Files::isRegularFile).findFirst().orElseThrow();
        }
        ByteBuffer pack = ByteBuffer.wrap(Files.readAllBytes(packFile)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(text(pack, 0)).isEqualTo("TDMKPACK");
        assertThat(pack.getShort(8)).isEqualTo((short) 1);
        assertThat(pack.getShort(10)).isEqualTo((short) 128);
        assertThat(pack.getLong(64)).as("key id").isZero();
        int footer = pack.capacity() - 64;
        assertThat(text(pack, footer)).isEqualTo("TDMKPEND");
        assertThat(pack.getInt(footer + 56)).isEqualTo(pack.capacity());
        int segments = pack.getInt(footer + 12);
        int index = pack.getInt(footer + 32);
        assertThat(index + segments * 48).isEqualTo(footer);
        assertThat(pack.getInt(index + 32)).as("offset of the first segment").isEqualTo(128);
        assertThat(pack.getInt(index + 36)).as("its length").isEqualTo(16 + pack.getInt(128 + 4));
        ByteBuffer record = ByteBuffer.wrap(Files.readAllBytes(root.resolve("ct/web/log/00000000000000000001")))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(text(record, 0)).isEqualTo("TDMKLOGR");
        assertThat(record.getInt(12)).isEqualTo(record.capacity() - 48);
        assertThat(record.get(48)).isEqualTo((byte) '{');
    }

    private static String text(ByteBuffer bytes, int at) {
        byte[] word = new byte[8];
        bytes.get(at, word);
        return new String(word, StandardCharsets.US_ASCII);
    }
}
