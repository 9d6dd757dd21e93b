package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A storm of writes on one device leaves another's fsync its share: no stall, no starving. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4"})
@Tag("alone")
@Timeout(120)
class Invariant9StormDoesNotSlowAnotherIT {
    private static final long SIZE = 256L << 20;
    private static final long WRITES = 300;
    private static final long LONGEST_STALL_MILLIS = 1_500;

    @Test
    void fsyncsGoOnBesideAStorm() throws Exception {
        try (ServerHost host = ServerHost.start("storm-")) {
            String stormy = host.attach("stormy", host.newImage("stormy", SIZE));
            String quiet = host.attach("quiet", host.newImage("quiet", SIZE));
            Path mount = Files.createDirectory(host.folder().resolve("mnt"));
            Commands.run(ServerHost.LIMIT, "mkfs.ext4", "-q", quiet);
            Commands.run(ServerHost.LIMIT, "mount", quiet, mount.toString());
            try (FsyncWriter writer = new FsyncWriter(mount.resolve("records"))) {
                double alone = millisPerWrite(writer);
                try (FioRounds storm = new FioRounds(
                        host.folder().resolve("fio.out"), stormy, "--size=200m", "--iodepth=64", "--numjobs=1")) {
                    long before = writes(stormy);
                    ServerHost.await("the storm", () -> writes(stormy) > before + WRITES);
                    writer.takeSlowestMillis();
                    double beside = millisPerWrite(writer);
                    long slowest = writer.takeSlowestMillis();
                    storm.requireHealthy();
                    assertThat(writes(stormy)).isGreaterThan(before + 2 * WRITES);
                    System.out.printf(
                            "a synced write: alone %.2f ms, beside a storm %.2f ms, slowest %d ms%n",
                            alone, beside, slowest);
                    assertThat(slowest).isLessThan(LONGEST_STALL_MILLIS);
                    assertThat(beside).isLessThan(Math.max(50, 25 * alone));
                }
                writer.stop();
            }
            Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        }
    }

    /** Writes that a block device has finished. */
    private static long writes(String block) throws IOException {
        Path statistics = Path.of("/sys/block", Path.of(block).getFileName().toString(), "stat");
        return Long.parseLong(Files.readString(statistics).trim().split("\\s+")[4]);
    }

    private static double millisPerWrite(FsyncWriter writer) throws Exception {
        long first = writer.acknowledged();
        long begun = System.nanoTime();
        ServerHost.await(WRITES + " writes", () -> writer.acknowledged() >= first + WRITES);
        return (System.nanoTime() - begun) / 1e6 / (writer.acknowledged() - first);
    }
}
