package org.tidemark.appliance.powerloss;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;

/** The disk of a {@link UserModeMachine}: an ext4 in a file, which this host mounts while no machine uses it. */
final class MachineDisk {
    private final Path file;
    private final Path mount;

    /** A new one, in the test's folder. */
    MachineDisk(Cli cli, long sizeBytes) throws IOException, InterruptedException {
        this.file = cli.path("disk.img");
        this.mount = Files.createDirectory(cli.path("disk"));
        try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
            content.setLength(sizeBytes);
        }
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", "-F", file.toString());
    }

    /** What is done with an image while its disk is mounted. */
    interface Work {
        void on(Path image) throws Exception;
    }

    Path file() {
        return file;
    }

    /** Mounts the disk for as long as it takes. The image's name on it is the one that the machine's scripts know. */
    void mounted(Work work) throws Exception {
        // A loop device that is still there has blocks in memory from before the machine wrote, and mount would take it
        // again.
        Cli.await(
                "no loop device has the disk any more",
                () -> Commands.run(Cli.LIMIT, "losetup", "-j", file.toString()).isBlank());
        Commands.run(Cli.LIMIT, "mount", "-o", "loop", file.toString(), mount.toString());
        boolean done = false;
        try {
            work.on(mount.resolve("web"));
            done = true;
        } finally {
            // What went wrong before is worth more than that a busy disk cannot be unmounted.
            if (done) {
                Commands.run(Cli.LIMIT, "umount", mount.toString());
            } else {
                Commands.tryRun(Cli.LIMIT, "umount", mount.toString());
            }
        }
    }
}
