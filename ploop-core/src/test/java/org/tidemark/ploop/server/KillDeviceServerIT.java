package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** Device server and holder killed at random moments under load: nobody sees an error, nothing flushed is lost. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4"})
@Timeout(240)
class KillDeviceServerIT {
    private static final int KILLS = Integer.getInteger("kills", 10);
    private static final int KILLS_PER_HOLDER_KILL = 6;
    private static final long LONGEST_PAUSE_MILLIS = 900;
    private static final long SIZE = 256L << 20;

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("kill-server-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    @Test
    void killsAreOnlyPauses() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("kills with seed " + seed);
        Seeds.replayable(getClass(), seed, this::killsAreOnlyPauses);
    }

    private void killsAreOnlyPauses(Random random) throws Exception {
        Path raw = host.newImage("raw", SIZE);
        Path formatted = host.newImage("formatted", SIZE);
        String rawBlock = host.attach("raw", raw);
        String block = host.attach("formatted", formatted);
        Path mount = Files.createDirectory(host.folder().resolve("mnt"));
        Commands.run(ServerHost.LIMIT, "mkfs.ext4", "-q", block);
        Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
        List<Long> pauses = new ArrayList<>();
        long acknowledged;
        try (FioRounds fio = new FioRounds(host.folder().resolve("fio.out"), rawBlock, "--size=48m");
                FsyncWriter writer = new FsyncWriter(mount.resolve("records"))) {
            for (int kill = 1; kill <= KILLS; kill++) {
                LockSupport.parkNanos(random.nextLong(LONGEST_PAUSE_MILLIS) * 1_000_000);
                kill(writer, random, pauses);
                if (kill % KILLS_PER_HOLDER_KILL == 0) {
                    host.awaitServing();
                    host.killHolder(2);
                }
                fio.requireHealthy();
            }
            host.awaitServing();
            acknowledged = writer.stop();
            System.out.println(fio.stop() + " rounds of fio verified");
        }
        Collections.sort(pauses);
        System.out.println("writers paused: p50 " + pauses.get(pauses.size() / 2) + " ms, max "
                + pauses.get(pauses.size() - 1) + " ms; " + acknowledged + " synced records");
        everySyncedRecordIsThere(block, mount, acknowledged);
        for (String id : List.of("raw", "formatted")) {
            host.client().detach(id, ServerHost.LIMIT);
        }
        onlyLeaks(raw);
        onlyLeaks(formatted);
    }

    /** Three of four times waits until the successor serves; else the next kill may hit it while it takes over. */
    private void kill(FsyncWriter writer, Random random, List<Long> pauses) throws IOException {
        writer.takeSlowestMillis();
        long before = writer.acknowledged();
        host.killServer();
        if (random.nextInt(4) > 0) {
            ServerHost.await("writes go on after a kill", () -> writer.acknowledged() > before + 1);
            pauses.add(writer.takeSlowestMillis());
        }
    }

    private static void everySyncedRecordIsThere(String block, Path mount, long acknowledged) throws Exception {
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        Commands.run(ServerHost.LIMIT, "e2fsck", "-fn", block);
        Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
        assertThat(FsyncWriter.missing(mount.resolve("records"), acknowledged)).isEmpty();
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
    }

    private static void onlyLeaks(Path image) throws IOException {
        CheckReport report = ServerHost.check(image);
        assertThat(report.findings())
                .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
    }
}
