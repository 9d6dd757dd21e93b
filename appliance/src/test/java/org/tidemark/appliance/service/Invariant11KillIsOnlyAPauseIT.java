package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.server.DeviceServerMain;
import org.tidemark.ploop.server.FsyncWriter;
import org.tidemark.ploop.server.HolderMain;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Each process killed in the middle of a backup: the container goes on, and the next recovery point is right. */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(180)
class Invariant11KillIsOnlyAPauseIT {
    private Cli cli;
    private Path mount;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("killed-backup-");
        mount = Files.createDirectory(cli.path("mnt"));
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private long pid(Class<?> main) throws IOException {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            return processes
                    .filter(path -> path.getFileName().toString().matches("[0-9]+"))
                    .filter(path -> isServer(path, main))
                    .mapToLong(path -> Long.parseLong(path.getFileName().toString()))
                    .findFirst()
                    .orElse(-1);
        }
    }

    /** The server's main class is an argument of the holder too; only as the main class it is followed by the run folder. */
    private boolean isServer(Path process, Class<?> main) {
        try {
            return Files.readString(process.resolve("cmdline")).contains(main.getName() + "\0--run=" + cli.path("run"));
        } catch (IOException e) {
            return false;
        }
    }

    private void kill(Class<?> main) throws Exception {
        long victim = pid(main);
        Processes.byPid(victim).signal(Processes.KILL);
        Cli.await("a successor of " + main.getSimpleName(), () -> {
            long now = pid(main);
            return now > 0 && now != victim;
        });
    }

    @Test
    void killsInTheMiddleOfABackup() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        cli.attach(image, "--name", "d", "--mount", mount.toString());
        cli.protect("c", image, cli.path("target"));
        Cli.random(mount.resolve("big"), 0, 250);
        Path records = mount.resolve("records");
        long acknowledged;
        try (FsyncWriter writer = new FsyncWriter(records)) {
            Cli.Result cut = killedWhileItReads(writer, DeviceServerMain.class);
            if (cut.exitCode() != 0) {
                Cli.refused(cut, 1, "Nothing was committed");
            }
            Cli.Result held = killedWhileItReads(writer, HolderMain.class);
            assertThat(held.exitCode())
                    .as("the backup does not need the holder: " + held.err())
                    .isZero();
            Cli.Result last = cli.ok("backup", "c", "--json");
            assertThat(last.err()).doesNotContain("everything is read");
            acknowledged = writer.acknowledged();
            cli.ok("backup", "c");
            writer.stop();
        }
        cli.ok("verify", "c");
        cli.ok("detach", "d");
        cli.ok("restore", "c", "--to", cli.path("restored").toString());
        String block = cli.attach(cli.path("restored"), "--name", "r");
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", block);
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        assertThat(FsyncWriter.missing(records, acknowledged)).isEmpty();
        cli.ok("detach", "r");
    }

    @Test
    void anImageAttachedOnlyForABackupDoesNotStayAttached() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "512M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 300);
        cli.ok("detach", "d");
        cli.protect("c", image, cli.path("target"));
        long stored = files();
        Cli.Running backup = cli.begin("backup", "c");
        Cli.await(
                "the backup stores", () -> files() > stored || !backup.process().isAlive());
        kill(DeviceServerMain.class);
        Cli.Result cut = backup.await();
        if (cut.exitCode() != 0) {
            Cli.refused(cut, 1, "Nothing was committed");
        }
        assertThat(cli.ok("devices", "--json").jsonRows()).isEmpty();
        cli.ok("image", "check", image.toString());
        cli.ok("backup", "c");
        cli.ok("verify", "c");
    }

    /** Kills when the target begins to grow. */
    private Cli.Result killedWhileItReads(FsyncWriter writer, Class<?> main) throws Exception {
        Cli.random(mount.resolve("big"), 0, 250);
        long stored = files();
        Cli.Running backup = cli.begin("backup", "c", "--json");
        Cli.await(
                "the backup stores", () -> files() > stored || !backup.process().isAlive());
        writer.takeSlowestMillis();
        kill(main);
        long before = writer.acknowledged();
        Cli.await("writes go on", () -> writer.acknowledged() > before + 1);
        System.out.println(main.getSimpleName() + " killed: writes paused " + writer.takeSlowestMillis() + " ms");
        return backup.await();
    }

    private long files() throws IOException {
        Path packs = cli.path("target");
        if (!Files.exists(packs)) {
            return 0;
        }
        try (Stream<Path> all = Files.walk(packs)) {
            return all.filter(Files::isRegularFile).count();
        }
    }
}
