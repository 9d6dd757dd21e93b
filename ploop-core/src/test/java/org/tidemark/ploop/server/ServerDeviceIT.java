package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.FileSystemFreeze;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;
import org.tidemark.ploop.testing.RawFileDevice;
import org.tidemark.ploop.testing.Requires;

/** Holder and device server as real processes, killed while real programs work on their devices. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4"})
@Timeout(180)
class ServerDeviceIT {
    private static final String WORD = "server-";
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final long SIZE = 128L << 20;

    private Path folder;
    private RunFolder run;
    private ServerCommand command;
    private ControlClient client;

    @BeforeEach
    void start() throws IOException {
        folder = Leftovers.freshFolder(WORD);
        run = RunFolder.at(folder.resolve("run"));
        command = ServerCommand.ofThisJava(RawServerMain.class.getName());
        long begin = System.nanoTime();
        client = ServerLauncher.ensureRunning(run, command);
        System.out.println("holder and device server started in " + millisSince(begin) + " ms");
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        Path log = run.path().resolve("log/device-server.log");
        if (Files.exists(log)) {
            System.out.println(Files.readString(log));
        }
        Leftovers.clear(WORD);
    }

    private ControlClient.AttachedDevice attach(String id) throws IOException {
        Path image = RawFileDevice.create(folder.resolve(id + ".raw"), SIZE);
        return client.attach(new AttachRequest(id, image, false, Fields.NONE), LIMIT);
    }

    private Processes.Id serverProcess() throws IOException {
        return ServerRecord.read(run).orElseThrow().process();
    }

    private long holderPid() throws IOException {
        try (var processes = ProcessHandle.allProcesses()) {
            return processes
                    .filter(process -> commandLine(process).contains(HolderMain.class.getName())
                            && commandLine(process).contains("--run=" + run.path()))
                    .mapToLong(ProcessHandle::pid)
                    .findFirst()
                    .orElse(-1);
        }
    }

    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
        } catch (IOException e) {
            return "";
        }
    }

    private static long millisSince(long nanos) {
        return (System.nanoTime() - nanos) / 1_000_000;
    }

    private void await(String what, Check check) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!check.holds()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("not in time: " + what);
            }
            LockSupport.parkNanos(2_000_000);
        }
    }

    private interface Check {
        boolean holds() throws Exception;
    }

    /** Waits until a server of a later generation serves all devices. */
    private void awaitSuccessor(long generation) throws Exception {
        client.close();
        await("a successor of generation " + generation, () -> {
            try (ControlClient fresh = ControlClient.connect(run, LIMIT)) {
                return fresh.greeting().number("generation") > generation
                        && fresh.devices().stream().allMatch(one -> one.state().equals("SERVING"));
            } catch (ControlException e) {
                return false;
            }
        });
        client = ControlClient.connect(run, LIMIT);
    }

    private Process fioVerify(String block, Path output, int seconds) throws IOException {
        return Commands.start(
                output,
                "fio",
                "--name=verify",
                "--filename=" + block,
                "--size=100m",
                "--rw=randwrite",
                "--bs=4k",
                "--direct=1",
                "--ioengine=libaio",
                "--iodepth=16",
                "--verify=crc32c",
                "--verify_state_save=0",
                "--verify_backlog=1024",
                "--verify_fatal=1",
                "--time_based",
                "--runtime=" + seconds);
    }

    @Test
    void attachUseDetachAndShutDown() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        assertThat(device.state()).isEqualTo("SERVING");
        Commands.run(LIMIT, "mkfs.ext4", "-q", device.blockDevice());
        Path mount = Files.createDirectory(folder.resolve("mnt"));
        Commands.run(LIMIT, "mount", device.blockDevice(), mount.toString());

        String[] stat = Files.readString(Path.of("/proc/" + serverProcess().pid() + "/stat"))
                .split(" ");
        assertThat(stat[5])
                .as("the session of the device server")
                .isEqualTo(Long.toString(serverProcess().pid()));
        assertKind(() -> client.detach("d1", Duration.ofSeconds(1)), ControlException.Kind.BUSY);
        assertKind(() -> client.shutdown(), ControlException.Kind.BUSY);
        Path inside = RawFileDevice.create(mount.resolve("inner.raw"), 1 << 20);
        AttachRequest nested = new AttachRequest("nested", inside, false, Fields.NONE);
        assertKind(() -> client.attach(nested, LIMIT), ControlException.Kind.USAGE);
        AttachRequest again = new AttachRequest("other", folder.resolve("d1.raw"), false, Fields.NONE);
        assertKind(() -> client.attach(again, LIMIT), ControlException.Kind.BUSY);
        serverProcess().signal(Processes.TERMINATE);

        Commands.run(LIMIT, "umount", mount.toString());
        assertThat(client.devices()).hasSize(1);
        client.detach("d1", LIMIT);
        assertThat(client.devices()).isEmpty();
        assertThat(run.devices()).isEmptyDirectory();
        Commands.run(LIMIT, "e2fsck", "-fn", folder.resolve("d1.raw").toString());

        AttachRequest missing = new AttachRequest("none", folder.resolve("none.raw"), false, Fields.NONE);
        assertKind(() -> client.attach(missing, LIMIT), ControlException.Kind.NOT_FOUND);
        assertKind(() -> client.request("no.such", Fields.NONE, LIMIT), ControlException.Kind.UNKNOWN_COMMAND);

        Processes.Id server = serverProcess();
        Processes.Id holder = Processes.byPid(holderPid());
        client.shutdown();
        client.close();
        await("both processes end", () -> !server.alive() && !holder.alive());
    }

    private static void assertKind(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call, ControlException.Kind kind) {
        assertThatThrownBy(call).isInstanceOfSatisfying(ControlException.class, e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    @Test
    void killingTheDeviceServerUnderLoadIsOnlyAPause() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        Path output = folder.resolve("fio.out");
        Process fio = fioVerify(device.blockDevice(), output, 12);
        List<Long> pauses = new ArrayList<>();
        for (int round = 0; round < 5; round++) {
            TimeUnit.MILLISECONDS.sleep(1000 + 137L * round);
            long generation = client.greeting().number("generation");
            long begin = System.nanoTime();
            assertThat(serverProcess().signal(Processes.KILL)).isTrue();
            awaitSuccessor(generation);
            pauses.add(millisSince(begin));
        }
        System.out.println("take-over after kill -9, ms: " + pauses);
        assertThat(fio.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(fio.exitValue()).as(Files.readString(output)).isZero();
        assertThat(Files.readString(output)).doesNotContain("verify: bad").contains("err= 0");
        System.out.println(Files.readString(output)
                .lines()
                .filter(line -> line.contains("clat (") || line.contains("IOPS"))
                .toList());
        client.detach("d1", LIMIT);
    }

    @Test
    void killingTheHolderUnderLoadIsNotSeen() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        Path output = folder.resolve("fio.out");
        Process fio = fioVerify(device.blockDevice(), output, 8);
        for (int round = 0; round < 2; round++) {
            long before = holderPid();
            long begin = System.nanoTime();
            Processes.byPid(before).signal(Processes.KILL);
            await(
                    "a new holder",
                    () -> holderPid() != before
                            && holderPid() > 0
                            && client.status().flag("holderConnected"));
            System.out.println("a new holder after " + millisSince(begin) + " ms");
            // The new one can do what the old one could.
            TimeUnit.MILLISECONDS.sleep(500);
            long generation = client.greeting().number("generation");
            serverProcess().signal(Processes.KILL);
            awaitSuccessor(generation);
        }
        assertThat(fio.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(fio.exitValue()).as(Files.readString(output)).isZero();
        client.detach("d1", LIMIT);
    }

    @Test
    void aFileSystemLivesThroughKills() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        Commands.run(LIMIT, "mkfs.ext4", "-q", device.blockDevice());
        Path mount = Files.createDirectory(folder.resolve("mnt"));
        Commands.run(LIMIT, "mount", "-o", "discard", device.blockDevice(), mount.toString());
        Path output = folder.resolve("fio.out");
        Process fio = Commands.start(
                output,
                "fio",
                "--name=files",
                "--directory=" + mount,
                "--size=24m",
                "--nrfiles=8",
                "--rw=randrw",
                "--bs=1k-32k",
                "--fsync=8",
                "--verify=crc32c",
                "--verify_state_save=0",
                "--verify_fatal=1",
                "--time_based",
                "--runtime=6");
        for (int round = 0; round < 3; round++) {
            TimeUnit.MILLISECONDS.sleep(900 + 211L * round);
            long generation = client.greeting().number("generation");
            serverProcess().signal(Processes.KILL);
            awaitSuccessor(generation);
        }
        assertThat(fio.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(fio.exitValue()).as(Files.readString(output)).isZero();
        Commands.run(LIMIT, "umount", mount.toString());
        Commands.run(LIMIT, "e2fsck", "-fn", device.blockDevice());
        client.detach("d1", LIMIT);
    }

    @Test
    void whenBothDieTheNextOnesClearUp() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        attach("d2");
        Commands.run(LIMIT, "dd", "if=/dev/zero", "of=" + device.blockDevice(), "bs=1M", "count=8", "oflag=direct");
        Processes.Id holder = Processes.byPid(holderPid());
        Processes.Id server = serverProcess();
        assertThat(server.signal(Processes.STOP)).isTrue();
        assertThat(holder.signal(Processes.KILL)).isTrue();
        assertThat(server.signal(Processes.KILL)).isTrue();
        client.close();
        await("both are dead", () -> !holder.alive() && !server.alive());
        Commands.Result read = Commands.tryRun(
                LIMIT, "dd", "if=" + device.blockDevice(), "of=/dev/null", "bs=4k", "count=1", "iflag=direct");
        assertThat(read.exitCode()).as("I/O on a device that nobody serves").isNotZero();

        client = ServerLauncher.ensureRunning(run, command);
        await("nothing is left", () -> client.devices().isEmpty());
        assertThat(run.devices()).isEmptyDirectory();
        assertThat(attachAgain("d1").state()).isEqualTo("SERVING");
        client.detach("d1", LIMIT);
    }

    private ControlClient.AttachedDevice attachAgain(String id) throws IOException {
        return client.attach(new AttachRequest(id, folder.resolve(id + ".raw"), false, Fields.NONE), LIMIT);
    }

    @Test
    void anUpgradeIsARestartThatNobodySees() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        Path output = folder.resolve("fio.out");
        Process fio = fioVerify(device.blockDevice(), output, 3);
        long generation = client.greeting().number("generation");
        client.request("restart", Fields.NONE, LIMIT);
        awaitSuccessor(generation);
        assertThat(fio.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(fio.exitValue()).as(Files.readString(output)).isZero();
        client.detach("d1", LIMIT);
    }

    @Test
    void theHolderThawsWhatNobodyThaws() throws Exception {
        ControlClient.AttachedDevice device = attach("d1");
        Commands.run(LIMIT, "mkfs.ext4", "-q", device.blockDevice());
        Path mount = Files.createDirectory(folder.resolve("mnt"));
        Commands.run(LIMIT, "mount", device.blockDevice(), mount.toString());
        try (NativeFile directory = NativeFile.open(mount, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            FreezeWatch inTime = FreezeWatch.arm(run, directory, LIMIT);
            FileSystemFreeze.freeze(directory);
            assertThat(FileSystemFreeze.thaw(directory)).isTrue();
            assertThat(inTime.callOff()).isFalse();

            FreezeWatch late = FreezeWatch.arm(run, directory, Duration.ofMillis(200));
            FileSystemFreeze.freeze(directory);
            TimeUnit.MILLISECONDS.sleep(500);
            assertThat(FileSystemFreeze.thaw(directory)).isFalse();
            assertThat(late.callOff()).isTrue();

            FreezeWatch lost = FreezeWatch.arm(run, directory, LIMIT);
            FileSystemFreeze.freeze(directory);
            lost.close();
            Commands.run(Duration.ofSeconds(5), "touch", mount.resolve("file").toString());
        }
        Commands.run(LIMIT, "umount", mount.toString());
        client.detach("d1", LIMIT);
    }
}
