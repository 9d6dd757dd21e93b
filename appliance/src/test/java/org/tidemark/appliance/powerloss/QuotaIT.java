package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * The size of an image is the container's quota, and quotas of users work inside it: a kernel that has quotas stops a user at
 * his limit and root at the end of the disk, and after a growth of the mounted ext4 root goes on to the new end.
 */
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "python3", "mkfs.ext4", "tune2fs"})
@Timeout(300)
class QuotaIT {
    private Cli cli;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("quota-");
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
    }

    @Test
    void theDiskAndTheUsersLimitStopWriters() throws Exception {
        MachineDisk disk = new MachineDisk(cli, 512L << 20);
        disk.mounted(image -> {
            cli.ok("image", "create", image.toString(), "--size", "64M", "--fs", "ext4");
            Commands.run(Cli.LIMIT, "tune2fs", "-O", "quota", cli.attach(image));
            cli.ok("detach", image.toString());
        });
        List<String> said;
        try (UserModeMachine machine = new UserModeMachine("tidemark-test-quota", disk.file(), 1, "quota-guest.sh")) {
            said = machine.sayings("DONE");
        }
        System.out.println(said);
        assertThat(bytes(said, "RESULT user EDQUOT ")).isBetween(9L << 20, 10L << 20);
        long before = bytes(said, "RESULT root ENOSPC ");
        assertThat(before).isBetween(20L << 20, 50L << 20);
        assertThat(bytes(said, "RESULT grown ENOSPC ") - before).isBetween(26L << 20, 33L << 20);
    }

    private static long bytes(List<String> said, String beginning) {
        return said.stream()
                .filter(line -> line.startsWith(beginning))
                .map(line -> Long.parseLong(line.substring(beginning.length())))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no '" + beginning + "' in " + said));
    }
}
