package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.FsyncWriter;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;
import org.tidemark.ploop.testing.Requires;

/** A target that hangs (its file system is frozen) holds up the backup, and no write of the container. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "fsfreeze"})
@Tag("alone")
@Timeout(120)
class Invariant7NoContainerWriteWaitsForTargetIT {
    private static final String WORD = "blocked-target-";
    private static final long WRITES = 1_000;
    private static final long LONGEST_STALL_MILLIS = 20_000;
    private static final long LONGEST_FREEZE_MILLIS = BackupService.FREEZE_LIMIT.toMillis();

    private Cli cli;

    @BeforeEach
    void start() throws Exception {
        thaw();
        cli = Cli.start(WORD);
    }

    @AfterEach
    void stop() throws Exception {
        thaw();
        cli.close();
    }

    /** Also what a crashed earlier run left frozen: it could not be unmounted. */
    private static void thaw() throws IOException, InterruptedException {
        List<MountEntry> table = Mounts.table();
        for (MountEntry entry : table) {
            if (entry.mountPoint().toString().startsWith(Leftovers.PREFIX + WORD)
                    && entry.mountPoint().endsWith("target")) {
                Commands.tryRun(Cli.LIMIT, "fsfreeze", "-u", entry.mountPoint().toString());
            }
        }
    }

    private Path targetDisk() throws Exception {
        Path disk = cli.path("target.raw");
        Path target = Files.createDirectory(cli.path("target"));
        Commands.run(Cli.LIMIT, "truncate", "-s", "512M", disk.toString());
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", disk.toString());
        Commands.run(Cli.LIMIT, "mount", "-o", "loop", disk.toString(), target.toString());
        return target;
    }

    @Test
    void writesGoOnWhileTheTargetHangs() throws Exception {
        Path target = targetDisk();
        Path image = cli.path("image");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", image.toString(), "--size", "256M", "--fs", "ext4");
        cli.attach(image, "--name", "d", "--mount", mount.toString());
        cli.protect("c", image, target.resolve("repository"));
        Cli.random(mount.resolve("big"), 0, 60);
        try (FsyncWriter writer = new FsyncWriter(mount.resolve("records"))) {
            Commands.run(Cli.LIMIT, "fsfreeze", "-f", target.toString());
            Cli.Running backup = cli.begin("backup", "c", "--json");
            Cli.await("the view is open", () -> Files.exists(cli.path("state").resolve("scratch")));
            Cli.random(mount.resolve("big"), 0, 60);
            long slowest = 0;
            long first = writer.acknowledged();
            Cli.await("the container writes", () -> writer.acknowledged() > first + WRITES);
            slowest = writer.takeSlowestMillis();
            assertThat(backup.process().isAlive())
                    .as("the backup waits for its target")
                    .isTrue();
            assertThat(slowest).isLessThan(LONGEST_STALL_MILLIS);

            Commands.run(Cli.LIMIT, "fsfreeze", "-u", target.toString());
            Cli.Result result = backup.await();
            assertThat(result.exitCode()).as(result.err()).isZero();
            long frozen = ((Number) result.json().get("freezeMillis")).longValue();
            System.out.println("while the target hung: slowest write " + slowest + " ms; frozen " + frozen + " ms");
            assertThat(result.json()).containsEntry("grade", "filesystem");
            assertThat(frozen).isLessThan(LONGEST_FREEZE_MILLIS);
            writer.stop();
        }
        cli.ok("verify", "c");
        cli.ok("detach", "d");
    }
}
