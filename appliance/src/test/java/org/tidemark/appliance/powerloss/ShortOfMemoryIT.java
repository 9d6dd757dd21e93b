package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * A whole machine without memory to spare, in which a writer dirties pages of a device: to clean them the kernel needs the device
 * server, which must not need memory for that.
 */
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "python3", "mkfs.ext4"})
@Tag("alone")
@Timeout(700)
class ShortOfMemoryIT {
    /** Programs run from pages that are thrown out of its memory again and again: half a minute on a machine that does nothing else. */
    private static final Duration LIMIT = Duration.ofSeconds(500);

    private Cli cli;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("memory-");
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
    }

    @Test
    void dirtyPagesOfADeviceAreCleanedWithoutMemoryToSpare() throws Exception {
        MachineDisk disk = new MachineDisk(cli, 1L << 30);
        disk.mounted(image -> cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4"));
        List<String> said;
        try (UserModeMachine machine =
                new UserModeMachine("tidemark-test-memory", disk.file(), 1, "memory-guest.sh", "mem=420M")) {
            said = machine.sayings("DONE", LIMIT);
        }
        said.forEach(System.out::println);
        assertThat(said)
                .anyMatch(line -> line.matches("memory can be locked +ok"))
                .anyMatch(line -> line.matches("I/O flusher +ok"))
                .anyMatch(line -> line.matches("STORM 200 MiB; least free [0-9] MiB"))
                .contains("COMPARED equal");
        disk.mounted(image -> {
            cli.ok("image", "check", image.toString());
            Commands.run(Cli.LIMIT, "e2fsck", "-fn", cli.attach(image));
            cli.ok("detach", image.toString());
        });
    }
}
