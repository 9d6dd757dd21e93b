package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.repository.verify.VerifyReport;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Bits flip anywhere in what is stored, blobs get short or vanish: what is given out is right, or a typed exception
 * comes instead.
 */
@Timeout(60)
class RepositoryDamageFuzzTest {
    private static Map<String, byte[]> stored = Map.of();
    private static final List<byte[]> CONTENTS = new ArrayList<>();

    static LongStream seeds() {
        return Seeds.of(80);
    }

    @BeforeAll
    static void fill() throws Exception {
        MemoryTarget target = new MemoryTarget();
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        Random random = new Random(4);
        CONTENTS.clear();
        try (BackupRepository repository = BackupRepository.create(target, options(4))) {
            Optional<RecoveryPoint> parent = Optional.empty();
            for (int i = 0; i < 4; i++) {
                disk.writeRandomly(random, 8);
                CONTENTS.add(disk.content.clone());
                parent = Optional.of(backup(
                        repository, "web", parent, i, i == 0 ? disk.freezeFull("first") : disk.freezeIncremental()));
            }
        }
        stored = target.snapshot();
    }

    private static MemoryTarget copy() {
        MemoryTarget target = new MemoryTarget();
        stored.forEach(target::damage);
        return target;
    }

    /** Reads everything. Returns whether damage was seen; fails on wrong bytes. */
    private static boolean readsRightOrTellsDamage(MemoryTarget target) throws IOException {
        boolean seen = readsRightOrTellsDamage(new FaultyTarget(target, 128 << 10), "ahead");
        return readsRightOrTellsDamage(target, "one") | seen;
    }

    private static boolean readsRightOrTellsDamage(BackupTarget target, String other) throws IOException {
        try (BackupRepository repository = reopen(target, other.length())) {
            PointList list = repository.points("web");
            boolean seen = !list.unreadable().isEmpty() || list.points().size() < CONTENTS.size();
            for (RecoveryPoint point : list.points()) {
                seen |= !pointIsRight(repository, point, CONTENTS.get((int) point.sequence() - 1));
            }
            VerifyReport report = new DeepVerify(repository, () -> false).container("web");
            assertThat(report.clean())
                    .isEqualTo(!seen || list.points().size() + list.unreadable().size() < CONTENTS.size());
            // The index of packs, too, is read or left out.
            backupAgain(repository, list, "other-" + other);
            return seen;
        } catch (RepositoryException e) {
            return true;
        }
    }

    private static void backupAgain(BackupRepository repository, PointList list, String container) throws IOException {
        ModelDisk disk = new ModelDisk("root", 1 << 20);
        disk.write(0, CONTENTS.get(0));
        RecoveryPoint point = backup(repository, container, Optional.empty(), 0, disk.freezeFull("again"));
        try {
            org.tidemark.backup.testing.Repositories.assertRestores(repository, point, "root", disk.content);
        } catch (RepositoryException e) {
            assertThat(list).isNotNull();
        }
    }

    private static boolean pointIsRight(BackupRepository repository, RecoveryPoint point, byte[] expected)
            throws IOException {
        boolean right = true;
        ImageReader image;
        try {
            image = repository.openPoint(point).image("root");
        } catch (RepositoryException e) {
            return false;
        }
        for (long chunk = 0; chunk < image.chunks(); chunk++) {
            ByteBuffer got = ByteBuffer.allocateDirect(65536);
            try {
                image.readChunk(chunk, got);
                assertThat(got.mismatch(ByteBuffer.wrap(expected, (int) chunk * 65536, 65536)))
                        .isEqualTo(-1);
            } catch (RepositoryException e) {
                assertThat(e.getMessage()).contains("container web", point.pointId(), "image root", "offset");
                right = false;
            }
        }
        return right;
    }

    @Test
    void undamagedIsRight() throws Exception {
        assertThat(readsRightOrTellsDamage(copy())).isFalse();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void flippedBitsAreNeverGivenOut(long seed) throws Exception {
        Seeds.replayable(RepositoryDamageFuzzTest.class, seed, random -> {
            MemoryTarget target = copy();
            List<String> keys = new ArrayList<>(stored.keySet());
            for (int i = 0; i <= random.nextInt(3); i++) {
                String key = keys.get(random.nextInt(keys.size()));
                byte[] bytes = stored.getOrDefault(key, new byte[0]).clone();
                switch (random.nextInt(8)) {
                    case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
                    case 1 -> bytes = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(200));
                    case 2 -> bytes = stored.getOrDefault(keys.get(random.nextInt(keys.size())), bytes);
                    case 3 -> {
                        int at = random.nextInt(bytes.length);
                        byte[] noise = new byte[Math.min(bytes.length - at, 1 + random.nextInt(500))];
                        random.nextBytes(noise);
                        System.arraycopy(noise, 0, bytes, at, noise.length);
                    }
                    default -> {
                        // Headers, footers and the maps at the end of packs deserve more than their share.
                        int reach = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 600);
                        int at =
                                random.nextBoolean() ? random.nextInt(reach) : bytes.length - 1 - random.nextInt(reach);
                        bytes[at] ^= (byte) (1 << random.nextInt(8));
                    }
                }
                target.damage(key, bytes);
            }
            readsRightOrTellsDamage(target);
        });
    }

    @Test
    void everyBitOfALogRecordCounts() throws Exception {
        String key = "ct/web/log/00000000000000000003";
        byte[] record = stored.getOrDefault(key, new byte[0]);
        MemoryTarget target = copy();
        try (BackupRepository repository = reopen(target, 1)) {
            for (int bit = 0; bit < record.length * 8; bit++) {
                byte[] flipped = record.clone();
                flipped[bit / 8] ^= (byte) (1 << bit % 8);
                target.damage(key, flipped);
                assertThat(repository.points("web").unreadable())
                        .as("bit " + bit)
                        .hasSize(1);
            }
        }
    }

    @Test
    void aMissingPackIsDamageAndNamed() throws Exception {
        String pack = stored.keySet().stream()
                .filter(key -> key.startsWith("pack/"))
                .findFirst()
                .orElseThrow();
        MemoryTarget target = copy();
        target.damage(pack, new byte[0]);
        try (BackupRepository repository = reopen(target, 1)) {
            VerifyReport report = new DeepVerify(repository, () -> false).everything();
            assertThat(report.clean()).isFalse();
            assertThat(report.damages().get(0).what()).contains(pack.substring(8, 40));
            assertThat(report.damages().get(0).containerId()).isEqualTo("web");
        }
    }
}
