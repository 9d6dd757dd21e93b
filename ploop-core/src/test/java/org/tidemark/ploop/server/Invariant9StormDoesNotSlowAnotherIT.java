package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.RawFileDevice;
import org.tidemark.ploop.testing.Requires;

/** A storm of writes on one device leaves another's fsync its share: no stall, no starving. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4"})
@Tag("alone")
@Timeout(120)
class Invariant9StormDoesNotSlowAnotherIT {
    private static final long SIZE = 256L << 20;
    private static final long WRITES = 300;
    private static final long LONGEST_STALL_MILLIS = 10_000;

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
                    assertThat(beside).isLessThan(Math.max(250, 50 * alone));
                }
                writer.stop();
            }
            Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        }
    }

    /** 20 ms an I/O, 32 at once, on one device: the other keeps its speed; behind one lock for both it would not. */
    @Test
    void aSlowImageDoesNotSlowAnother() throws Exception {
        try (ServerHost host = ServerHost.start("storm-", RawServerMain.class.getName())) {
            double apart = keptBesideASlowImage(host, "apart", false);
            double behindOneLock = keptBesideASlowImage(host, "locked", true);
            System.out.printf("beside a slow image: %.2f of its speed, behind one lock %.3f%n", apart, behindOneLock);
            assertThat(behindOneLock).as("what the measurement must find").isLessThan(0.02);
            assertThat(apart).isGreaterThan(0.1);
        }
    }

    private static double keptBesideASlowImage(ServerHost host, String name, boolean sharedLock) throws Exception {
        String slow = attachRaw(host, name + "-slow", Fields.of("delayNanos", 20_000_000, "sharedLock", sharedLock));
        String quick = attachRaw(host, name + "-quick", Fields.of("sharedLock", sharedLock));
        readsPerSecond(quick, host);
        double alone = readsPerSecond(quick, host);
        Process load = Commands.start(
                host.folder().resolve("load.out"),
                "fio",
                "--name=load",
                "--filename=" + slow,
                "--rw=randread",
                "--bs=4k",
                "--direct=1",
                "--ioengine=libaio",
                "--iodepth=32",
                "--time_based",
                "--runtime=30");
        try {
            long before = reads(slow);
            ServerHost.await("the load", () -> reads(slow) > before + 20);
            double beside = readsPerSecond(quick, host);
            assertThat(load.isAlive()).isTrue();
            return beside / alone;
        } finally {
            load.destroy();
            assertThat(load.waitFor(30, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
            host.client().detach(name + "-slow", ServerHost.LIMIT);
            host.client().detach(name + "-quick", ServerHost.LIMIT);
        }
    }

    private static String attachRaw(ServerHost host, String name, Fields options) throws IOException {
        Path image = RawFileDevice.create(host.folder().resolve(name + ".raw"), 64L << 20);
        return host.client()
                .attach(new AttachRequest(name, image, false, options), ServerHost.LIMIT)
                .blockDevice();
    }

    private static double readsPerSecond(String block, ServerHost host) throws Exception {
        long first = reads(block);
        long begun = System.nanoTime();
        Commands.run(
                ServerHost.LIMIT,
                "fio",
                "--name=measure",
                "--filename=" + block,
                "--rw=randread",
                "--bs=4k",
                "--direct=1",
                "--ioengine=libaio",
                "--iodepth=8",
                "--time_based",
                "--runtime=1",
                "--output=" + host.folder().resolve("measure.out"));
        return (reads(block) - first) * 1e9 / (System.nanoTime() - begun);
    }

    private static long reads(String block) throws IOException {
        return statistic(block, 0);
    }

    /** Writes that a block device has finished. */
    private static long writes(String block) throws IOException {
        return statistic(block, 4);
    }

    private static long statistic(String block, int field) throws IOException {
        Path statistics = Path.of("/sys/block", Path.of(block).getFileName().toString(), "stat");
        return Long.parseLong(Files.readString(statistics).trim().split("\\s+")[field]);
    }

    private static double millisPerWrite(FsyncWriter writer) throws Exception {
        long first = writer.acknowledged();
        long begun = System.nanoTime();
        ServerHost.await(WRITES + " writes", () -> writer.acknowledged() >= first + WRITES);
        return (System.nanoTime() - begun) / 1e6 / (writer.acknowledged() - first);
    }
}
