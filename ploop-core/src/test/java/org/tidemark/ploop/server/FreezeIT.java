package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.filesystem.ConsistencyGrade;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Freezes and instants under load: in time, whole, thawed by the holder when nobody else does. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "nbdcopy"})
@Tag("alone")
@Timeout(120)
class FreezeIT {
    private static final long SIZE = 256L << 20;
    private static final int INSTANTS = 20;
    private static final int SNAPSHOTS = 5;
    private static final Duration FREEZE_LIMIT = Duration.ofSeconds(10);

    private ServerHost host;
    private Path mount;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("freeze-");
        mount = Files.createDirectory(host.folder().resolve("mnt"));
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Commands.run(ServerHost.LIMIT, command);
    }

    private String mounted(String deviceId) throws Exception {
        String block = host.attach(deviceId, host.newImage("image-" + deviceId, SIZE));
        run("mkfs.ext4", "-q", block);
        run("mount", block, mount.toString());
        return block;
    }

    private Process writer(int seconds) throws IOException {
        return Commands.start(
                host.folder().resolve("fio.out"),
                "fio",
                "--name=writer",
                "--directory=" + mount,
                "--size=64m",
                "--nrfiles=16",
                "--rw=randwrite",
                "--bs=4k-256k",
                "--rate=100m",
                "--fsync_on_close=1",
                "--time_based",
                "--runtime=" + seconds);
    }

    private Fields instant(String... deviceIds) throws IOException {
        List<Map<String, String>> devices = new ArrayList<>();
        for (String deviceId : deviceIds) {
            devices.add(Map.of("device", deviceId));
        }
        String scratch = host.folder().resolve("scratch").toString();
        return host.client()
                .request(
                        "instant",
                        Fields.of("consumer", "freeze", "scratchFolder", scratch, "devices", devices),
                        ServerHost.LIMIT);
    }

    private void closeViews(Fields instant) throws IOException {
        for (Fields view : instant.objects("views")) {
            host.client().request("view.close", Fields.of("view", view.text("view")), ServerHost.LIMIT);
        }
    }

    @Test
    void aFreezeWaitsForTheSuccessorOfAKilledHolder() throws Exception {
        mounted("d1");
        host.hitHolder();
        FrozenInstant.Outcome<Boolean> outcome =
                new FrozenInstant(new HolderWatchdog(host.run()), FREEZE_LIMIT).run(List.of(mount), () -> true);
        assertThat(outcome.grade()).as(outcome.notice()).isEqualTo(ConsistencyGrade.FILESYSTEM);
    }

    @Test
    void aViewUnderLoadIsTheFrozenDeviceToTheByte() throws Exception {
        String block = mounted("d1");
        Process load = writer(30);
        Path files = mount.resolve("writer.0.0");
        ServerHost.await("the writer writes", () -> Files.exists(files));
        Path frozen = host.folder().resolve("frozen.raw");
        FrozenInstant.Outcome<Fields> outcome = new FrozenInstant(new HolderWatchdog(host.run()), FREEZE_LIMIT)
                .run(List.of(mount), () -> {
                    Fields answer = instant("d1");
                    copy(block, frozen);
                    return answer;
                });
        assertThat(outcome.grade()).as(outcome.notice()).isEqualTo(ConsistencyGrade.FILESYSTEM);
        assertThat(outcome.frozenNanos()).isLessThan(FREEZE_LIMIT.toNanos());
        assertThat(load.isAlive()).isTrue();
        Path view = host.folder().resolve("view.raw");
        Fields answer = outcome.value();
        String export = answer.objects("views").get(0).text("export");
        run("nbdcopy", "nbd+unix:///" + export + "?socket=" + answer.text("socket"), view.toString());
        run("cmp", view.toString(), frozen.toString());
        run("e2fsck", "-fn", view.toString());
        closeViews(answer);
        load.destroy();
        assertThat(load.waitFor(30, TimeUnit.SECONDS)).isTrue();
        run("umount", mount.toString());
        run("e2fsck", "-fn", block);
    }

    private static void copy(String block, Path to) throws IOException {
        try {
            run("dd", "if=" + block, "of=" + to, "bs=1M", "iflag=direct", "status=none");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Test
    void freezesUnderLoadAreShort() throws Exception {
        mounted("d1");
        Process load = writer(60);
        Path files = mount.resolve("writer.0.0");
        ServerHost.await("the writer writes", () -> Files.exists(files));
        List<Long> frozen = new ArrayList<>();
        Duration limit = Duration.ofSeconds(2);
        int consistent = 0;
        for (int i = 0; i < INSTANTS; i++) {
            FrozenInstant.Outcome<Fields> outcome =
                    new FrozenInstant(new HolderWatchdog(host.run()), limit).run(List.of(mount), () -> instant("d1"));
            closeViews(outcome.value());
            frozen.add(outcome.frozenNanos() / 1_000_000);
            boolean inTime = outcome.grade() == ConsistencyGrade.FILESYSTEM;
            consistent += inTime ? 1 : 0;
            assertThat(outcome.frozenNanos())
                    .as("frozen beyond the limit, yet graded " + outcome.grade())
                    .isLessThan(limit.plusSeconds(10).toNanos());
        }
        Collections.sort(frozen);
        System.out.println("frozen under 100 MB/s: p50 " + frozen.get(frozen.size() / 2) + " ms, max "
                + frozen.get(frozen.size() - 1) + " ms, " + consistent + " of " + INSTANTS + " in time");
        assertThat(consistent).isGreaterThan(INSTANTS / 2);
        assertThat(load.isAlive()).isTrue();
        load.destroy();
        assertThat(load.waitFor(30, TimeUnit.SECONDS)).isTrue();
        run("umount", mount.toString());
    }

    @Test
    void anInstantThatComesTooLateIsNotCalledConsistent() throws Exception {
        mounted("d1");
        Path inside = mount.resolve("file");
        FrozenInstant.Outcome<Integer> outcome = new FrozenInstant(
                        new HolderWatchdog(host.run()), Duration.ofMillis(400))
                .run(List.of(mount), () -> touch(inside));
        assertThat(outcome.value())
                .as("the write went on when the holder had thawed")
                .isZero();
        assertThat(outcome.grade()).isEqualTo(ConsistencyGrade.CRASH);
        assertThat(outcome.notice()).contains("watchdog");
        assertThat(outcome.frozenNanos()).isLessThan(Duration.ofSeconds(10).toNanos());
        run("umount", mount.toString());
    }

    private static int touch(Path file) throws IOException {
        try {
            return Commands.tryRun(ServerHost.LIMIT, "touch", file.toString()).exitCode();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Test
    void whatAKilledOrHangingAgentFrozeIsThawed() throws Exception {
        mounted("d1");
        long killed = frozenFor(60_000, Processes.KILL);
        long hanging = frozenFor(1_500, Processes.STOP);
        System.out.println(
                "thawed " + killed + " ms after the agent's death, " + hanging + " ms after a freeze of 1500");
        // Far below the limit of the first, and the second would hang for ever; how soon is for a quiet machine to
        // tell.
        assertThat(killed).isLessThan(20_000);
        assertThat(hanging).isLessThan(20_000);
        // The holder lets go of the folder when it has noticed that the agent is gone.
        ServerHost.await("it can be unmounted", this::unmounts);
    }

    @Test
    void oldDataIsNeverKeptOnADeviceServedHere() throws Exception {
        mounted("d1");
        Fields wanted = Fields.of(
                "consumer", "freeze",
                "scratchFolder", mount.resolve("scratch").toString(),
                "devices", List.of(Map.of("device", "d1")));
        assertThatThrownBy(() -> host.client().request("instant.prepare", wanted, ServerHost.LIMIT))
                .hasMessageContaining("lies on a device that this device server serves");
        assertThat(mount.resolve("scratch")).doesNotExist();
        ServerHost.await("it can be unmounted", this::unmounts);
    }

    private boolean unmounts() throws IOException {
        try {
            Mounts.unmount(mount);
            return true;
        } catch (OsException e) {
            if (e.errno() == Errno.EBUSY) {
                return false;
            }
            throw e;
        }
    }

    /** Milliseconds from the signal to the first write that goes on. */
    private long frozenFor(long limitMillis, int signal) throws Exception {
        Path output = host.folder().resolve("agent.out");
        ServerCommand java = ServerCommand.ofThisJava();
        Process agent = Commands.start(
                output,
                java.java().toString(),
                "-Djava.io.tmpdir=" + host.folder(),
                "-cp",
                java.classPath(),
                FreezeAgentMain.class.getName(),
                host.run().path().toString(),
                mount.toString(),
                Long.toString(limitMillis));
        try {
            ServerHost.await(
                    "the agent has frozen it", () -> Files.readString(output).contains("frozen"));
            long begun = System.nanoTime();
            Processes.byPid(agent.pid()).signal(signal);
            run("touch", mount.resolve("file").toString());
            return (System.nanoTime() - begun) / 1_000_000;
        } finally {
            agent.destroyForcibly();
        }
    }

    @Test
    void severalDevicesHaveOneInstant() throws Exception {
        List<String> blocks = List.of(
                host.attach("d1", host.newImage("image-d1", SIZE)), host.attach("d2", host.newImage("image-d2", SIZE)));
        try (TwinWriter writer = new TwinWriter(blocks)) {
            ServerHost.await("both were written", () -> writer.rounds() > 1);
            for (int i = 0; i < INSTANTS; i++) {
                Fields answer = instant("d2", "d1");
                Path socket = Path.of(answer.text("socket"));
                List<Fields> views = answer.objects("views");
                long second = number(socket, views.get(0).text("export"));
                long first = number(socket, views.get(1).text("export"));
                assertThat(first - second).as(first + " and " + second).isBetween(0L, 1L);
                closeViews(answer);
                long seen = writer.rounds();
                ServerHost.await("writers go on", () -> writer.rounds() > seen);
            }
        }
    }

    /** The same of snapshots, one of them the first of a raw file. */
    @Test
    void snapshotsOfSeveralDevicesHaveOneInstant() throws Exception {
        Path folder = host.newImage("image-d1", SIZE);
        Path file = host.folder().resolve("d2.img");
        Commands.run(ServerHost.LIMIT, "truncate", "-s", Long.toString(SIZE), file.toString());
        List<String> blocks = List.of(host.attach("d1", folder), host.attach("d2", file));
        long longestMicros = 0;
        try (TwinWriter writer = new TwinWriter(blocks)) {
            ServerHost.await("both were written", () -> writer.rounds() > 1);
            for (int i = 0; i < SNAPSHOTS; i++) {
                String guid = Guid.of(UUID.randomUUID());
                List<String> prepared = new ArrayList<>();
                for (String device : List.of("d2", "d1")) {
                    prepared.add(host.client()
                            .request(
                                    "snapshot.prepare", Fields.of("device", device, "snapshot", guid), ServerHost.LIMIT)
                            .text("prepared"));
                }
                Fields made = host.client()
                        .request("snapshot.createTogether", Fields.of("prepared", prepared), ServerHost.LIMIT);
                assertThat(made.texts("snapshots")).containsExactly(guid, guid);
                longestMicros = Math.max(longestMicros, made.number("heldMicros"));
                long first = numberAt(folder, guid);
                long second = numberAt(file, guid);
                assertThat(first - second).as(first + " and " + second).isBetween(0L, 1L);
                long seen = writer.rounds();
                ServerHost.await("writers go on", () -> writer.rounds() > seen);
            }
        }
        System.out.println("two devices held for at most " + longestMicros + " us");
    }

    private long numberAt(Path image, String guid) throws IOException {
        Fields level = host.client()
                .request(
                        "attach",
                        Fields.of(
                                "device", "level",
                                "image", image.toString(),
                                "options", Map.of("level", guid)),
                        ServerHost.LIMIT);
        byte[] block = new byte[4096];
        try (RandomAccessFile disk = new RandomAccessFile(level.text("blockDevice"), "r")) {
            disk.readFully(block);
        }
        host.client().detach("level", ServerHost.LIMIT);
        return ByteBuffer.wrap(block).getLong(0);
    }

    private static long number(Path socket, String export) throws IOException {
        try (NbdClient client = NbdClient.connect(socket, export, List.of())) {
            ByteBuffer block = ByteBuffer.allocateDirect(4096);
            client.read(0, block);
            return block.getLong(0);
        }
    }
}
