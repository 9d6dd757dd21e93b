package org.tidemark.backup.engine;

import static org.tidemark.backup.testing.Repositories.described;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.local.LocalTarget;

/**
 * The increment test: a raw image of 4 GiB (1 GiB noise, 1 GiB text, rest holes); 2,560 scattered writes of 4 KiB, 40
 * of 1 MiB, no change. Not run by the build: {@code mvn test -Dtest=IncrementBenchmark}. Prints, judges nothing.
 */
class IncrementBenchmark {
    private static final long SIZE = 4L << 30;
    private static final long DATA = 2L << 30;

    @TempDir
    Path folder;

    private final BitSet dirty = new BitSet();
    private long generation;

    @Test
    void measure() throws Exception {
        Path image = folder.resolve("image.raw");
        Random random = new Random(1);
        create(image, random);
        LocalTarget target = LocalTarget.create(folder.resolve("target"), random);
        try (FileChannel channel = FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE);
                BackupRepository repository = BackupRepository.create(target, RepositoryOptions.defaults())) {
            dirty.set(0, (int) (DATA / 4096));
            RecoveryPoint point = run(repository, channel, "full", new ChangeInfo.Full("first"), Optional.empty());
            for (int round = 0; round < 5; round++) {
                scatter(channel, random, 2560, 4096);
                point = increment(repository, channel, "2560 x 4 KiB", point);
                scatter(channel, random, 40, 1 << 20);
                point = increment(repository, channel, "40 x 1 MiB", point);
                point = increment(repository, channel, "no change", point);
            }
            long start = System.nanoTime();
            RestoreResult restored = new RestoreEngine(2)
                    .restore(
                            repository.openPoint(point).image("root"),
                            new NullSink(),
                            RestoreProgress.SILENT,
                            () -> false);
            System.out.printf(
                    "restore %.2f s, %d MiB%n", (System.nanoTime() - start) / 1e9, restored.bytesWritten() >> 20);
        }
    }

    private RecoveryPoint increment(BackupRepository repository, FileChannel channel, String name, RecoveryPoint parent)
            throws IOException {
        return run(
                repository,
                channel,
                name,
                new ChangeInfo.Incremental(new CbtCheckpoint("cbt", generation)),
                Optional.of(parent));
    }

    private RecoveryPoint run(
            BackupRepository repository,
            FileChannel channel,
            String name,
            ChangeInfo changes,
            Optional<RecoveryPoint> parent)
            throws IOException {
        BitSet ranges = (BitSet) dirty.clone();
        dirty.clear();
        generation++;
        FileSource source = new FileSource(channel, changes, new CbtCheckpoint("cbt", generation), ranges);
        BackupResult result = new BackupEngine(repository, 2)
                .backup(
                        new BackupJob("web", List.of(source), parent, described(generation)),
                        BackupProgress.SILENT,
                        () -> false);
        System.out.printf(
                "%-14s %6.2f s  read %5d shipped %5d  stored %8.2f MiB  objects %d%n",
                name,
                result.seconds(),
                result.counters().chunksRead(),
                result.counters().chunksShipped(),
                result.counters().bytesStored() / 1048576.0,
                result.objects());
        return result.point();
    }

    private void scatter(FileChannel channel, Random random, int writes, int bytes) throws IOException {
        byte[] noise = new byte[bytes];
        for (int i = 0; i < writes; i++) {
            random.nextBytes(noise);
            long offset = random.nextLong((SIZE - bytes) / 4096) * 4096;
            channel.write(ByteBuffer.wrap(noise), offset);
            dirty.set((int) (offset / 4096), (int) ((offset + bytes) / 4096));
        }
    }

    private static void create(Path image, Random random) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
            byte[] piece = new byte[1 << 20];
            for (long at = 0; at < DATA; at += piece.length) {
                random.nextBytes(piece);
                if (at >= DATA / 2) {
                    for (int i = 0; i < piece.length; i++) {
                        piece[i] = (byte) ('a' + (piece[i] & 7));
                    }
                }
                file.write(piece);
            }
        }
    }

    private record FileSource(FileChannel channel, ChangeInfo changes, CbtCheckpoint at, BitSet ranges)
            implements DiskSource {
        @Override
        public String imageId() {
            return "root";
        }

        @Override
        public long sizeBytes() {
            return SIZE;
        }

        @Override
        public Optional<CbtCheckpoint> checkpoint() {
            return Optional.of(at);
        }

        @Override
        public void visitRanges(RangeVisitor visitor) throws IOException {
            for (int first = ranges.nextSetBit(0); first >= 0; ) {
                int end = ranges.nextClearBit(first);
                visitor.range(first * 4096L, (end - first) * 4096L);
                first = ranges.nextSetBit(end);
            }
        }

        @Override
        public void read(long offsetBytes, ByteBuffer dst, int lengthBytes) throws IOException {
            int limit = dst.limit();
            dst.limit(dst.position() + lengthBytes);
            long at = offsetBytes;
            while (dst.hasRemaining()) {
                at += channel.read(dst, at);
            }
            dst.limit(limit);
        }

        @Override
        public void done(long offsetBytes, long lengthBytes) {}

        @Override
        public void close() {}
    }

    private static final class NullSink implements RestoreSink {
        @Override
        public void write(long offsetBytes, ByteBuffer data) {}

        @Override
        public void finish() {}

        @Override
        public void abandon() {}
    }
}
