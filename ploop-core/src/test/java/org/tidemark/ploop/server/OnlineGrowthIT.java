package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * Disks grow under load, and the device server is killed meanwhile: fio finds what it wrote, synced records are there, the
 * kernel sees the new size at once, and so does the file system of a partition.
 */
@Requires({"root", "fuse", "loop", "fio", "mkfs.xfs", "xfs_growfs", "xfs_repair", "blockdev"})
@Timeout(180)
class OnlineGrowthIT {
    private static final long MIB = 1L << 20;
    private static final int ROUNDS = Integer.getInteger("rounds", 6);
    private static final Duration RESIZE_LIMIT = Duration.ofSeconds(60);

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("growth-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static long sizeOf(String block) throws Exception {
        return Long.parseLong(
                Commands.run(ServerHost.LIMIT, "blockdev", "--getsize64", block).strip());
    }

    /** An image with a partition table, as real ones have. */
    private Path partitioned(String name, long sizeBytes) throws IOException {
        Path image = host.newImage(name, sizeBytes);
        try (AttachedImage disk = AttachedImage.open(
                AttachedImage.filesOf(image),
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(AttachedImage.filesOf(image), true),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            GuidPartitionTable.forContainer(sizeBytes, (int) MIB, UUID.randomUUID(), UUID.randomUUID())
                    .write(disk);
        }
        return image;
    }

    @Test
    void disksGrowUnderLoadAndKills() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("growth with seed " + seed);
        Seeds.replayable(getClass(), seed, this::grow);
    }

    private void grow(Random random) throws Exception {
        Path raw = host.newImage("raw", 64 * MIB);
        Path formatted = partitioned("formatted", 330 * MIB);
        String rawBlock = host.attach("raw", raw);
        String block = host.attach("formatted", formatted);
        assertThat(sizeOf(block)).isEqualTo(328 * MIB);
        Path mount = Files.createDirectory(host.folder().resolve("mnt"));
        Commands.run(ServerHost.LIMIT, "mkfs.xfs", "-q", block);
        Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
        long room = Files.getFileStore(mount).getTotalSpace();
        long acknowledged;
        int killed = 0;
        long slowest = 0;
        try (FioRounds fio = new FioRounds(host.folder().resolve("fio.out"), rawBlock, "--size=32m");
                FsyncWriter records = new FsyncWriter(mount.resolve("records"))) {
            for (int round = 1; round <= ROUNDS; round++) {
                // The larger ones need another cluster for the table.
                killed += resize("raw", 64 * MIB + round * (round < 4 ? 8 * MIB : 90L << 30), random);
                killed += resize("formatted", (330L + round * 24) * MIB, random);
                FileSystemType.XFS.growMounted(Path.of(block), mount);
                assertThat(sizeOf(block)).isEqualTo((328L + round * 24) * MIB);
                slowest = Math.max(slowest, records.takeSlowestMillis());
                fio.requireHealthy();
            }
            assertThat(sizeOf(rawBlock)).isEqualTo(64 * MIB + ROUNDS * (90L << 30));
            viaNbd("raw", 64 * MIB + ROUNDS * (90L << 30));
            acknowledged = records.stop();
            fio.stop();
        }
        System.out.println(acknowledged + " synced records, " + killed + " kills during " + 2 * ROUNDS
                + " growths, slowest write " + slowest + " ms");
        assertThat(acknowledged).isGreaterThan(20);
        assertThat(Files.getFileStore(mount).getTotalSpace()).isGreaterThan(room + ROUNDS * 20 * MIB);
        Commands.run(
                ServerHost.LIMIT,
                "dd",
                "if=/dev/urandom",
                "of=" + mount.resolve("filler"),
                "bs=1M",
                "count=330",
                "conv=fsync",
                "status=none");
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        Commands.run(ServerHost.LIMIT, "xfs_repair", "-n", block);
        Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
        assertThat(FsyncWriter.missing(mount.resolve("records"), acknowledged)).isEmpty();
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        for (String id : List.of("raw", "formatted")) {
            host.client().detach(id, ServerHost.LIMIT);
        }
        for (Path image : List.of(raw, formatted)) {
            assertThat(ServerHost.check(image).findings())
                    .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
            assertThat(image.resolve("tidemark-intent")).doesNotExist();
        }
    }

    /** Once killed in the middle, the same command goes on. */
    private int resize(String device, long sizeBytes, Random random) throws Exception {
        boolean killing = random.nextInt(3) == 0;
        Thread killer = new Thread(() -> {
            LockSupport.parkNanos(random.nextInt(60) * 1_000_000L);
            try {
                host.killServer();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        if (!killing) {
            assertThat(host.client().resize(device, sizeBytes, RESIZE_LIMIT).sizeBytes())
                    .isEqualTo(sizeBytes);
            return 0;
        }
        killer.start();
        int inside = 0;
        try {
            host.client().resize(device, sizeBytes, RESIZE_LIMIT);
        } catch (ControlException e) {
            assertThat(e.kind()).as(e.toString()).isEqualTo(ControlException.Kind.DISCONNECTED);
            inside = 1;
        }
        killer.join();
        host.awaitServing();
        assertThat(host.client().resize(device, sizeBytes, RESIZE_LIMIT).sizeBytes())
                .isEqualTo(sizeBytes);
        return inside;
    }

    private void viaNbd(String device, long sizeBytes) throws Exception {
        Fields export = host.client().request("nbd.export", Fields.of("device", device), ServerHost.LIMIT);
        try (NbdClient client = NbdClient.connect(Path.of(export.text("socket")), export.text("export"), List.of())) {
            assertThat(client.sizeBytes()).isEqualTo(sizeBytes);
        }
    }

    @Test
    void whatCannotBeIsRefusedAndTheDeviceGoesOn() throws Exception {
        Path image = host.newImage("disk", 64 * MIB);
        String block = host.attach("disk", image);
        for (long size : new long[] {32 * MIB, 0, Long.MAX_VALUE}) {
            assertThatThrownBy(() -> host.client().resize("disk", size, RESIZE_LIMIT))
                    .isInstanceOfSatisfying(
                            ControlException.class, e -> assertThat(e.kind()).isEqualTo(ControlException.Kind.USAGE));
        }
        assertThatThrownBy(() -> host.client().resize("other", 128 * MIB, RESIZE_LIMIT))
                .isInstanceOfSatisfying(
                        ControlException.class, e -> assertThat(e.kind()).isEqualTo(ControlException.Kind.NOT_FOUND));
        assertThat(sizeOf(block)).isEqualTo(64 * MIB);
        assertThat(image.resolve("tidemark-intent")).doesNotExist();
        host.client().detach("disk", ServerHost.LIMIT);
        host.client().attach(new AttachRequest("disk", image, true, Fields.NONE), ServerHost.LIMIT);
        assertThatThrownBy(() -> host.client().resize("disk", 128 * MIB, RESIZE_LIMIT))
                .isInstanceOfSatisfying(ControlException.class, e -> assertThat(e.kind())
                        .isEqualTo(ControlException.Kind.NOT_PERMITTED));
    }
}
