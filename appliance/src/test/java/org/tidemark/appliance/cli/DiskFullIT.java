package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A full disk under the image, under the target and under a restore: said so, nothing broken, goes on when there is room. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "fio"})
@Timeout(180)
class DiskFullIT {
    private Cli cli;
    private Path small;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("disk-full-");
        small = Files.createDirectory(cli.path("small"));
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private void smallDisk(int mebibytes) throws IOException {
        Mounts.mount("small", small, "tmpfs", 0, "size=" + mebibytes + "m");
    }

    private void grow(int mebibytes) throws Exception {
        Commands.run(Cli.LIMIT, "mount", "-o", "remount,size=" + mebibytes + "m", small.toString());
    }

    private static Commands.Result write(String to, int atMebibytes, int mebibytes) throws Exception {
        return Commands.tryRun(
                Cli.LIMIT,
                "dd",
                "if=/dev/urandom",
                "of=" + to,
                "bs=1M",
                "seek=" + atMebibytes,
                "count=" + mebibytes,
                "oflag=direct",
                "conv=notrunc,fsync");
    }

    @Test
    void underTheImage() throws Exception {
        smallDisk(48);
        Path image = small.resolve("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        String block = cli.attach(image, "--name", "d", "--iops", "5000");
        assertThat(cli.ok("devices", "--json").out()).contains("5000 IOPS").contains("\"onFull\":\"wait\"");
        cli.ok("devices", "set", "d", "--on-full", "error", "--iops", "0");
        assertThat(write(block, 0, 20).exitCode()).isZero();
        String before = Commands.run(Cli.LIMIT, "sh", "-c", "head -c 20M " + block + " | sha256sum");
        Commands.Result full = write(block, 20, 100);
        assertThat(full.exitCode()).as(full.output()).isNotZero();
        assertThat(full.output()).contains("No space left");
        assertThat(write(block, 0, 0).exitCode())
                .as("what is allocated can be flushed")
                .isZero();
        assertThat(Commands.run(Cli.LIMIT, "sh", "-c", "head -c 20M " + block + " | sha256sum"))
                .isEqualTo(before);
        assertThat(cli.ok("devices", "--json").out()).contains("SERVING");
        grow(256);
        Commands.Result again = write(block, 20, 100);
        assertThat(again.exitCode()).as(again.output()).isZero();
        String whole = Commands.run(Cli.LIMIT, "sha256sum", block).split(" ")[0];
        cli.ok("detach", "d");
        cli.ok("image", "check", image.toString());
        block = cli.attach(image, "--name", "d");
        assertThat(Commands.run(Cli.LIMIT, "sha256sum", block)).startsWith(whole);
        cli.ok("detach", "d");
    }

    /** Far more writes wait than a device has threads: reads and writes that need no space go on, also after a take-over. */
    @Test
    void writesThatWaitHoldUpNobodyAndOutliveTheirServer() throws Exception {
        smallDisk(48);
        Path image = small.resolve("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        assertThat(write(block, 0, 20).exitCode()).isZero();
        String before = head(block);
        Path said = cli.path("fio.out");
        Process writers = Commands.start(
                said,
                "fio",
                "--name=w",
                "--filename=" + block,
                "--rw=randwrite",
                "--bs=64k",
                "--offset=20m",
                "--size=100m",
                "--iodepth=" + WAITING,
                "--ioengine=libaio",
                "--direct=1",
                "--verify=crc32c",
                "--verify_fatal=1",
                "--randseed=7");
        try {
            Cli.await("all writers wait", () -> waiting() == WAITING);
            assertThat(head(block)).isEqualTo(before);
            assertThat(write(block, 4, 1).exitCode())
                    .as("to where there is space")
                    .isZero();
            before = head(block);
            long killed = cli.deviceServer();
            Commands.run(Cli.LIMIT, "kill", "-9", String.valueOf(killed));
            Cli.await("a successor", () -> cli.deviceServer() != 0 && cli.deviceServer() != killed);
            assertThat(head(block)).isEqualTo(before);
            Cli.await("all writers wait again", () -> waiting() == WAITING);
            assertThat(head(block)).isEqualTo(before);
            cli.refused(4, "keeps it open", "detach", "d", "--limit", "1");
            assertThat(writers.isAlive()).isTrue();
            grow(256);
            assertThat(writers.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(writers.exitValue()).as(Files.readString(said)).isZero();
        } finally {
            grow(256);
            writers.destroyForcibly();
        }
        Cli.await("nobody waits", () -> waiting() == 0);
        String whole = Commands.run(Cli.LIMIT, "sha256sum", block).split(" ")[0];
        assertThat(head(block)).isEqualTo(before);
        cli.ok("detach", "d");
        cli.ok("image", "check", image.toString());
        block = cli.attach(image, "--name", "d");
        assertThat(Commands.run(Cli.LIMIT, "sha256sum", block)).startsWith(whole);
        cli.ok("detach", "d");
    }

    /** More than the threads of a device, fewer than the requests that a loop device passes on at once. */
    private static final int WAITING = 100;

    /** What is on the first 20 MiB, past every cache. */
    private static String head(String block) throws Exception {
        return Commands.run(
                Cli.LIMIT, "sh", "-c", "dd if=" + block + " bs=1M count=20 iflag=direct status=none | sha256sum");
    }

    private int waiting() throws IOException, InterruptedException {
        Object first = cli.ok("devices", "--json").jsonRows().get(0);
        return ((Map<?, ?>) first).get("waitingForSpace") instanceof Number count ? count.intValue() : 0;
    }

    @Test
    void underAFileSystemInTheImage() throws Exception {
        smallDisk(64);
        Path image = small.resolve("image");
        cli.ok("image", "create", image.toString(), "--size", "256M", "--fs", "ext4");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.attach(image, "--name", "d", "--mount", mount.toString(), "--on-full", "error");
        Cli.random(mount.resolve("before"), 0, 4);
        String before = Cli.checksum(mount.resolve("before"));
        Commands.Result full = Commands.tryRun(
                Cli.LIMIT, "dd", "if=/dev/urandom", "of=" + mount.resolve("big"), "bs=1M", "count=100", "conv=fsync");
        assertThat(full.exitCode()).as(full.output()).isNotZero();
        assertThat(Cli.checksum(mount.resolve("before"))).isEqualTo(before);
        grow(512);
        cli.ok("detach", "d");
        cli.ok("image", "check", image.toString());
        String block = cli.attach(image, "--name", "d");
        Commands.Result mended = Commands.tryRun(Cli.LIMIT, "e2fsck", "-fy", block);
        assertThat(mended.exitCode()).as(mended.output()).isLessThanOrEqualTo(1);
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        assertThat(Cli.checksum(mount.resolve("before"))).isEqualTo(before);
        Cli.random(mount.resolve("after"), 0, 60);
        // By force, mounted as it is: whoever uses it gets errors, and nothing is left.
        assertThat(cli.ok("detach", "d", "--abort", "--json").out()).contains("\"imageClosed\":true");
        assertThat(Mounts.at(mount)).isEmpty();
        cli.attach(image, "--name", "d", "--mount", mount.toString());
        assertThat(Cli.checksum(mount.resolve("before"))).isEqualTo(before);
        byForceWhileItsServerIsSilent(mount);
        cli.ok("image", "check", image.toString());
    }

    /** A server that does not answer is not asked: the kernel takes the device away. */
    private void byForceWhileItsServerIsSilent(Path mount) throws Exception {
        Processes.Id server = Processes.byPid(cli.deviceServer());
        assertThat(server.signal(Processes.STOP)).isTrue();
        try {
            assertThat(cli.ok("detach", "d", "--abort", "--json").out()).contains("\"imageClosed\":false");
            assertThat(Mounts.at(mount)).isEmpty();
        } finally {
            server.signal(Processes.CONTINUE);
        }
        Cli.await(
                "it closes the image by itself",
                () -> cli.ok("devices", "--json").jsonRows().isEmpty());
    }

    @Test
    void underTheTarget() throws Exception {
        smallDisk(24);
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 8);
        cli.protect("c", image, small.resolve("target"));
        cli.ok("backup", "c", "--json");
        Cli.random(block, 4, 60);
        cli.refused(1, "full", "backup", "c");
        assertThat(cli.ok("points", "c", "--json").jsonRows()).hasSize(1);
        grow(256);
        cli.ok("backup", "c", "--json");
        assertThat(cli.ok("points", "c", "--json").jsonRows()).hasSize(2);
        cli.ok("verify", "c");
        cli.ok("restore", "c", "--to", cli.path("restored").toString());
        sameContent(block, cli.path("restored"));
        cli.ok("detach", "d");
    }

    private void sameContent(String block, Path restored) throws Exception {
        String other = cli.attach(restored, "--name", "restored");
        Commands.run(Cli.LIMIT, "cmp", block, other);
        cli.ok("detach", "restored");
        cli.ok("image", "check", restored.toString());
    }

    @Test
    void underARestore() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 60);
        cli.protect("c", image, cli.path("target"));
        cli.ok("backup", "c");
        smallDisk(24);
        cli.refused(
                1, "space", "restore", "c", "--to", small.resolve("restored").toString());
        try (Stream<Path> left = Files.list(small)) {
            assertThat(left).isEmpty();
        }
        grow(256);
        cli.ok("restore", "c", "--to", small.resolve("restored").toString());
        sameContent(block, small.resolve("restored"));
        String before = Cli.checksum(small);
        cli.refused(
                4,
                "exists already",
                "restore",
                "c",
                "--to",
                small.resolve("restored").toString());
        assertThat(Cli.checksum(small)).isEqualTo(before);
        cli.ok("detach", "d");
    }
}
