package org.tidemark.backup.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.NOON;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;

import java.io.IOException;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.MeteredTarget.Count;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;
import org.tidemark.backup.target.Targets;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** What a backup costs in requests on radosgw, with packs of the real size. Prints seconds and judges only requests. */
@Timeout(120)
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class S3EconomicsIT {
    /** 96 MiB of noise and text in an image of 128 MiB; {@code -Dmebibytes=1000} for figures worth telling. */
    private static final int MEBIBYTES = Integer.getInteger("mebibytes", 96);

    private static RepositoryOptions options(long seed) {
        return new RepositoryOptions(Clock.fixed(NOON, ZoneOffset.UTC), new Random(seed), 1, 32 << 20, 1 << 20);
    }

    private interface Work {
        void run(BackupRepository repository) throws Exception;
    }

    /** Runs {@code work} as a job does, and prints what it cost. */
    private static Count job(String name, S3Target bare, BackupRepository opened, Work work) throws Exception {
        RequestCounter counter = new RequestCounter();
        BackupTarget target = Targets.decorate(bare, RetryPolicy.forJobs(), counter, new Random(1), () -> false);
        long start = System.nanoTime();
        work.run(opened.through(target));
        double seconds = (System.nanoTime() - start) / 1e9;
        Count count = counter.count();
        System.out.printf(
                "%-28s %6.2f s  %4d put %4d get %2d list  %7.2f MiB put %7.2f MiB got%n",
                name,
                seconds,
                count.puts(),
                count.gets(),
                count.lists(),
                count.bytesPut() / 1048576.0,
                count.bytesGot() / 1048576.0);
        return count;
    }

    private static ModelDisk disk() {
        ModelDisk disk = new ModelDisk("root", (MEBIBYTES + 32) << 20);
        Random random = new Random(11);
        for (int at = 0; at < MEBIBYTES; at++) {
            byte[] piece = new byte[1 << 20];
            random.nextBytes(piece);
            if (at % 2 == 1) {
                for (int i = 0; i < piece.length; i++) {
                    piece[i] = (byte) ("etaoin shrdlu".charAt((piece[i] & 0xFF) % 13));
                }
            }
            // A hole of 64 KiB in each MiB, as file systems leave them.
            disk.write(at << 20, java.util.Arrays.copyOf(piece, 15 << 16));
        }
        return disk;
    }

    private static void scatter(ModelDisk disk, int writes) {
        Random random = new Random(12);
        for (int i = 0; i < writes; i++) {
            byte[] small = new byte[4096];
            random.nextBytes(small);
            disk.write(random.nextInt(MEBIBYTES << 8) * 4096, small);
        }
    }

    private static S3Target open(RadosGateway gateway, String bucket, int preferredReadBytes) throws IOException {
        S3Settings settings = gateway.settings(bucket)
                .withTransfer(new S3Settings.Transfer(40 << 20, 16 << 20, 4, preferredReadBytes));
        return S3Target.open(settings, "it", Clock.systemUTC());
    }

    @Test
    void requestsAreFew() throws Exception {
        RadosGateway gateway = RadosGateway.shared();
        String bucket = gateway.newBucket();
        ModelDisk disk = disk();
        RecoveryPoint[] point = new RecoveryPoint[1];
        try (S3Target bare = open(gateway, bucket, 4 << 20);
                BackupRepository opened = BackupRepository.create(bare, options(1))) {
            Count full = job("full", bare, opened, repository -> {
                point[0] = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
            });
            // The packs, the record, the listing of packs for the index; the log, and whether it is really empty.
            assertThat(full.puts()).isEqualTo(point[0].counters().packs() + 1);
            assertThat(full.lists()).isEqualTo(2);
            assertThat(full.gets()).isEqualTo(1);

            Count nothing = job("no change", bare, opened, repository -> {
                point[0] = backup(repository, "web", Optional.of(point[0]), 1, disk.freezeIncremental());
            });
            assertThat(nothing).isEqualTo(new Count(1, 1, 1, nothing.bytesPut(), nothing.bytesGot()));

            scatter(disk, 200);
            Count scattered = job("200 x 4 KiB scattered", bare, opened, repository -> {
                point[0] = backup(repository, "web", Optional.of(point[0]), 2, disk.freezeIncremental());
            });
            assertThat(scattered.puts()).isEqualTo(2);
            assertThat(scattered.lists()).isEqualTo(1);
            // Root, directory, and the pages that are touched.
            assertThat(scattered.gets()).isLessThanOrEqualTo(2 + (MEBIBYTES + 63) / 64);

            PointList[] known = new PointList[1];
            job("points, nothing known", bare, opened, repository -> known[0] = repository.points("web"));
            Count refresh = job("points, all known", bare, opened, repository -> {
                PointList again = repository.points("web", known[0]);
                assertThat(again).isEqualTo(known[0]);
            });
            assertThat(refresh).isEqualTo(new Count(0, 0, 1, 0, 0));
        }
        assertReading(gateway, bucket, disk, point[0]);
    }

    private void assertReading(RadosGateway gateway, String bucket, ModelDisk disk, RecoveryPoint point)
            throws Exception {
        long[] gets = new long[2];
        for (int preferred : new int[] {64 << 10, 4 << 20}) {
            try (S3Target bare = open(gateway, bucket, preferred);
                    BackupRepository opened = BackupRepository.open(bare, Optional.empty(), options(2 + preferred))) {
                String how = preferred == 64 << 10 ? "one by one" : "ahead";
                Count restore = job("restore, " + how, bare, opened, repository -> {
                    assertRestores(repository, point, "root", disk.content);
                });
                gets[preferred == 64 << 10 ? 0 : 1] = restore.gets();
                if (preferred > 64 << 10) {
                    Count verify = job("verify, " + how, bare, opened, repository -> {
                        assertThat(new DeepVerify(repository, () -> false)
                                        .point(point)
                                        .clean())
                                .isTrue();
                    });
                    assertThat(verify.gets()).isLessThanOrEqualTo(restore.gets() + 8);
                }
                Count index = job("index of all packs, " + how, bare, opened, repository -> {
                    ModelDisk same = new ModelDisk("root", 1 << 20);
                    same.write(0, java.util.Arrays.copyOf(disk.content, 1 << 20));
                    RecoveryPoint other =
                            backup(repository, "db" + preferred, Optional.empty(), 3, same.freezeFull("x"));
                    assertThat(other.counters().chunksShipped()).isLessThanOrEqualTo(8);
                });
                assertThat(index.lists()).isEqualTo(2);
            }
        }
        // Four chunks in five lie close together; the scattered ones are read along or one by one.
        assertThat(gets[1]).isLessThan(gets[0] / 5);
    }
}
