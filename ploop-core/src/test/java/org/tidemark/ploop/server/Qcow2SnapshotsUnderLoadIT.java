package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.check.LiveCheck;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * Snapshots of an attached qcow2 image come and go under fio, and the device server is killed at random: fio finds what it
 * wrote, qemu finds every level sound and reads the same from it as we did.
 */
@Requires({"root", "fuse", "loop", "fio", "qemu-img"})
@Timeout(300)
class Qcow2SnapshotsUnderLoadIT {
    private static final int ROUNDS = Integer.getInteger("rounds", 12);
    private static final int LEAKS_ONLY = 3;

    private ServerHost host;
    private Path image;
    private String block;
    private final Map<String, String> checksums = new LinkedHashMap<>();
    private int kills;
    private int killedInside;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("qcow2-snapshots-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    @Test
    void snapshotsComeAndGoUnderLoad() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("qcow2 snapshots with seed " + seed);
        Seeds.replayable(getClass(), seed, this::go);
    }

    private void go(Random random) throws Exception {
        image = host.folder().resolve("disk.qcow2");
        Commands.run(ServerHost.LIMIT, "qemu-img", "create", "-q", "-f", "qcow2", image.toString(), "128M");
        block = host.attach("disk", image);
        int rounds;
        try (FioRounds fio = new FioRounds(host.folder().resolve("fio.out"), block, "--size=32m")) {
            for (int round = 0; round < ROUNDS; round++) {
                round(random);
                fio.requireHealthy();
            }
            host.awaitServing();
            assertThat(LiveCheck.run(AttachedImage.filesOf(image)).findings())
                    .as("findings of an image in use")
                    .isEmpty();
            rounds = fio.stop();
        }
        host.awaitServing();
        // Of a quiet disk it is known what a snapshot holds.
        String quiet = create();
        checksums.put(quiet, Commands.run(ServerHost.LIMIT, "sh", "-c", "sha256sum < " + block));
        System.out.println(
                rounds + " rounds of fio, " + kills + " kills, " + killedInside + " of them during a change");
        finish();
    }

    private void round(Random random) throws Exception {
        boolean killing = random.nextInt(3) == 0;
        Thread killer = new Thread(() -> killSoon(random.nextInt(150)));
        if (killing) {
            kills++;
            killer.start();
        }
        try {
            change(random);
        } catch (ControlException e) {
            boolean expected = e.kind() == ControlException.Kind.DISCONNECTED
                    || e.kind() == ControlException.Kind.BUSY
                    || e.kind() == ControlException.Kind.NOT_FOUND;
            assertThat(killing && expected).as(e.toString()).isTrue();
            killedInside++;
        } finally {
            if (killing) {
                killer.join();
                host.awaitServing();
            }
        }
    }

    private void killSoon(long millis) {
        try {
            LockSupport.parkNanos(millis * 1_000_000);
            host.killServer();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private List<SnapshotOperations.Snapshot> levels() throws IOException {
        return SnapshotOperations.list(AttachedImage.filesOf(image));
    }

    private List<String> snapshots() throws IOException {
        return levels().stream()
                .filter(level -> !level.current())
                .map(SnapshotOperations.Snapshot::guid)
                .toList();
    }

    private void change(Random random) throws Exception {
        List<String> guids = snapshots();
        int choice = random.nextInt(10);
        if (guids.size() < 2 || (choice < 4 && guids.size() < 5)) {
            create();
        } else if (choice < 8) {
            String guid = guids.get(random.nextInt(guids.size()));
            request("snapshot.delete", Fields.of("device", "disk", "snapshot", guid));
            assertThat(snapshots()).doesNotContain(guid);
        } else {
            request("snapshot.merge", Fields.of("device", "disk"));
            assertThat(snapshots()).isEmpty();
        }
    }

    private String create() throws ControlException {
        return request("snapshot.create", Fields.of("device", "disk")).text("snapshot");
    }

    private Fields request(String command, Fields arguments) throws ControlException {
        return host.client().request(command, arguments, ServerHost.LIMIT.multipliedBy(2));
    }

    private void finish() throws Exception {
        host.client().detach("disk", ServerHost.LIMIT);
        for (SnapshotOperations.Snapshot level : levels()) {
            Path file = image.resolveSibling(level.file());
            // 3: clusters that nobody names, which a kill in the middle of a merge may leave, and nothing worse.
            Commands.Result check = Commands.tryRun(ServerHost.LIMIT, "qemu-img", "check", "-q", file.toString());
            assertThat(check.exitCode()).as(check.output()).isIn(0, LEAKS_ONLY);
            if (checksums.containsKey(level.guid())) {
                assertThat(qemuReads(file)).isEqualTo(checksums.get(level.guid()));
            }
        }
        assertThat(qemuReads(image)).isEqualTo(checksums.values().iterator().next());
        assertThat(ServerHost.check(image).findings())
                .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
        try (Stream<Path> files = Files.list(image.getParent())) {
            assertThat(files.map(file -> String.valueOf(file.getFileName()))
                            .filter(name ->
                                    name.contains("tidemark-new") || (name.endsWith("intent") && killedInside == 0)))
                    // A merge that was broken off stays written down until it is given again.
                    .isEmpty();
        }
    }

    private String qemuReads(Path file) throws Exception {
        Path raw = host.folder().resolve("out.raw");
        Commands.run(
                ServerHost.LIMIT, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", file.toString(), raw.toString());
        return Commands.run(ServerHost.LIMIT, "sh", "-c", "sha256sum < " + raw);
    }
}
