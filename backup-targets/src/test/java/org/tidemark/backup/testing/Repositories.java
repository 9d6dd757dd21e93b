package org.tidemark.backup.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.tidemark.backup.engine.BackupEngine;
import org.tidemark.backup.engine.BackupJob;
import org.tidemark.backup.engine.BackupProgress;
import org.tidemark.backup.engine.BackupResult;
import org.tidemark.backup.engine.DiskSource;
import org.tidemark.backup.engine.RestoreEngine;
import org.tidemark.backup.engine.RestoreProgress;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.PointDescription;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.repository.log.Grade;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.BackupTarget;

/** The few steps that most tests share. Packs are small, so that tests have several. */
public final class Repositories {
    public static final Instant NOON = Instant.parse("2026-03-01T12:00:00Z");

    private Repositories() {}

    public static RepositoryOptions options(long seed) {
        return new RepositoryOptions(Clock.fixed(NOON, ZoneOffset.UTC), new Random(seed), 1, 256 << 10, 10_000);
    }

    public static BackupRepository reopen(BackupTarget target, long seed) throws IOException {
        return BackupRepository.open(target, Optional.empty(), options(seed));
    }

    public static PointDescription described(long secondsAfterNoon) {
        return new PointDescription(
                NOON.plusSeconds(secondsAfterNoon),
                Grade.FILESYSTEM,
                17,
                Map.of("name", "web", "limits", Map.of("cpu", 2)));
    }

    public static RecoveryPoint backup(
            BackupRepository repository,
            String container,
            Optional<RecoveryPoint> parent,
            long second,
            DiskSource... sources)
            throws IOException {
        BackupJob job = new BackupJob(container, List.of(sources), parent, described(second));
        BackupResult result = new BackupEngine(repository, 2).backup(job, BackupProgress.SILENT, () -> false);
        return result.point();
    }

    public static Optional<RecoveryPoint> latest(BackupRepository repository, String container) throws IOException {
        List<RecoveryPoint> points = repository.points(container).points();
        return points.isEmpty() ? Optional.empty() : Optional.of(points.get(points.size() - 1));
    }

    /** Restores the image and compares every byte. */
    public static void assertRestores(BackupRepository repository, RecoveryPoint point, String imageId, byte[] expected)
            throws IOException {
        ImageReader image = repository.openPoint(point).image(imageId);
        MemorySink sink = new MemorySink(image.sizeBytes());
        new RestoreEngine(2).restore(image, sink, RestoreProgress.SILENT, () -> false);
        assertThat(sink.finished).isTrue();
        assertThat(mismatch(sink.content, expected))
                .as("first byte that differs")
                .isEqualTo(-1);
    }

    /** Reads random ranges and compares. */
    public static void assertReads(
            BackupRepository repository, RecoveryPoint point, String imageId, byte[] expected, Random random)
            throws IOException {
        ImageReader image = repository.openPoint(point).image(imageId);
        for (int i = 0; i < 5; i++) {
            int offset = random.nextInt(expected.length);
            int length = random.nextInt(Math.min(expected.length - offset, 150_000) + 1);
            ByteBuffer got = random.nextBoolean() ? ByteBuffer.allocate(length) : ByteBuffer.allocateDirect(length);
            image.read(offset, got);
            assertThat(got.flip().mismatch(ByteBuffer.wrap(expected, offset, length)))
                    .isEqualTo(-1);
        }
    }

    private static int mismatch(byte[] left, byte[] right) {
        return java.util.Arrays.mismatch(left, right);
    }
}
