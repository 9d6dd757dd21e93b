package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * A kernel of its own attaches an export with its own nbd-client: an ext4 on it is written, synced, trimmed and read back, the disk
 * grows under its open connection, and this host finds in the image what was written there.
 */
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "python3", "nbd-client", "mkfs.ext4"})
@Timeout(300)
class KernelNbdIT {
    private Cli cli;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("kernel-nbd-");
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
    }

    @Test
    void aFileSystemLivesOnAnExport() throws Exception {
        MachineDisk disk = new MachineDisk(cli, 512L << 20);
        disk.mounted(image ->
                cli.ok("image", "create", image.toString(), "--size", "128M", "--fs", "ext4", "--no-partition"));
        List<String> said = new ArrayList<>();
        try (UserModeMachine machine = new UserModeMachine("tidemark-test-nbd", disk.file(), 1, "nbd-guest.sh")) {
            said.addAll(machine.sayings("DONE"));
        }
        System.out.println(said);
        assertThat(result(said, "queue ")).matches("write back, fua 1, discard [1-9][0-9]+");
        String[] sectors = result(said, "sectors ").split(" ");
        assertThat(Long.parseLong(sectors[1])).as("written by the kernel").isGreaterThan(17L << 11);
        assertThat(Long.parseLong(sectors[2])).as("trimmed by the kernel").isGreaterThan(16L << 11);

        disk.mounted(image -> {
            cli.ok("image", "check", image.toString());
            Path web = Files.createDirectory(cli.path("web"));
            String block = cli.attach(image, "--name", "web", "--mount", web.toString());
            for (String name : List.of("synced", "direct")) {
                assertThat(Cli.checksum(web.resolve(name))).startsWith(sum(said, name));
            }
            Path end = cli.path("end");
            Commands.run(Cli.LIMIT, "dd", "if=" + block, "of=" + end, "bs=1M", "skip=159", "status=none");
            assertThat(Files.size(end)).isEqualTo(1 << 20);
            assertThat(Cli.checksum(end)).as("behind the old end").startsWith(sum(said, "end"));
            cli.ok("detach", "web");
        });
    }

    private static String sum(List<String> said, String name) {
        return said.stream()
                .filter(line -> line.startsWith("RESULT ") && line.endsWith("  " + name))
                .map(line -> line.split(" ")[1])
                .findFirst()
                .orElseThrow();
    }

    private static String result(List<String> said, String beginning) {
        return said.stream()
                .filter(line -> line.startsWith("RESULT " + beginning))
                .map(line -> line.substring("RESULT ".length() + beginning.length()))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no '" + beginning + "' in " + said));
    }
}
