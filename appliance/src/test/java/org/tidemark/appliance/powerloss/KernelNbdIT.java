package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * A kernel's own NBD client attaches an export: an ext4 on it is written, synced, trimmed and read back, and this host finds in
 * the image what was written there. Half a minute, so only with {@code -DkernelNbd=true}.
 */
@EnabledIfSystemProperty(named = "kernelNbd", matches = "true")
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "python3", "mkfs.ext4"})
@Timeout(300)
class KernelNbdIT {
    private static final int SEND_FLUSH = 4;
    private static final int SEND_FUA = 8;
    private static final int SEND_TRIM = 32;

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
        Path disk = cli.path("disk.img");
        Path mount = Files.createDirectory(cli.path("disk"));
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(512L << 20);
        }
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", "-F", disk.toString());
        Commands.run(Cli.LIMIT, "mount", "-o", "loop", disk.toString(), mount.toString());
        Path image = mount.resolve("web");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--fs", "ext4", "--no-partition");
        Commands.run(Cli.LIMIT, "umount", mount.toString());
        List<String> said;
        try (UserModeMachine machine = new UserModeMachine("tidemark-test-nbd", disk, 1, "nbd-guest.sh")) {
            said = machine.sayings("DONE");
        }
        System.out.println(said);
        int flags = Integer.parseInt(result(said, "flags "));
        assertThat(flags & (SEND_FLUSH | SEND_FUA | SEND_TRIM)).isEqualTo(SEND_FLUSH | SEND_FUA | SEND_TRIM);
        String[] sectors = result(said, "sectors ").split(" ");
        assertThat(Long.parseLong(sectors[1])).as("written by the kernel").isGreaterThan(17L << 11);
        assertThat(Long.parseLong(sectors[2])).as("trimmed by the kernel").isGreaterThan(16L << 11);

        Commands.run(Cli.LIMIT, "mount", "-o", "loop", disk.toString(), mount.toString());
        try {
            cli.ok("image", "check", image.toString());
            Path web = Files.createDirectory(cli.path("web"));
            cli.attach(image, "--name", "web", "--mount", web.toString());
            for (String name : List.of("synced", "direct")) {
                String sum = said.stream()
                        .filter(line -> line.startsWith("RESULT ") && line.endsWith("  " + name))
                        .findFirst()
                        .orElseThrow();
                assertThat(Cli.checksum(web.resolve(name)))
                        .startsWith(sum.substring("RESULT ".length()).split(" ")[0]);
            }
            cli.ok("detach", "web");
        } finally {
            Commands.run(Cli.LIMIT, "umount", mount.toString());
        }
    }

    private static String result(List<String> said, String beginning) {
        return said.stream()
                .filter(line -> line.startsWith("RESULT " + beginning))
                .map(line -> line.substring("RESULT ".length() + beginning.length()))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no '" + beginning + "' in " + said));
    }
}
