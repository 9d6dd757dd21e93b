package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * An ext4 is made smaller, and resize2fs, or the command, is killed at any moment: the image is the old one or the new one, with
 * every file, and the command can be given again. resize2fs by itself does not survive that, which is shown too.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "resize2fs", "e2fsck"})
@Timeout(300)
class ImageShrinkKilledIT {
    private static final String OLD = "300M";
    private static final String NEW = "150M";
    private static final int ATTEMPTS = 6;
    private static final long SEED = Long.getLong("seed", 20261128);

    private final Random random = new Random(SEED);
    private String content = "";
    private Cli cli;
    private Path image = Path.of("");

    @BeforeEach
    void start() throws Exception {
        System.out.println("replay with -Dseed=" + SEED);
        cli = Cli.start("shrink-killed-");
    }

    private void makeImage() throws Exception {
        image = cli.path("web");
        cli.ok("image", "create", image.toString(), "--size", OLD, "--fs", "ext4", "--cluster", "64K");
        Path root = mounted();
        fill(root);
        content = sum(root);
        cli.ok("detach", image.toString());
        Commands.run(
                Cli.LIMIT,
                "cp",
                "-a",
                "--sparse=always",
                image.toString(),
                cli.path("saved").toString());
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Path mounted() throws Exception {
        Path root = Files.createDirectories(cli.path("root"));
        cli.attach(image, "--mount", root.toString());
        return root;
    }

    /** Files at the end of the disk with holes before them, and folders in all parts of it, whose inodes have to move. */
    private static void fill(Path root) throws Exception {
        byte[] small = new byte[3000];
        for (int folder = 0; folder < 40; folder++) {
            Path in = Files.createDirectory(root.resolve("folder-" + folder));
            for (int file = 0; file < 60; file++) {
                Arrays.fill(small, (byte) (folder + file));
                Files.write(in.resolve("a-name-that-takes-some-room-" + file), small);
            }
        }
        for (int i = 0; i < 12; i++) {
            Cli.random(Files.createFile(root.resolve("file-" + i)), 0, 6);
        }
        Cli.random(Files.createFile(root.resolve("last")), 0, 40);
        for (int i = 0; i < 12; i += 2) {
            Files.delete(root.resolve("file-" + i));
        }
    }

    private static String sum(Path root) throws Exception {
        return Commands.run(
                Cli.LIMIT,
                "sh",
                "-c",
                "cd " + root + " && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum");
    }

    private Cli.Running shrinking() throws Exception {
        return cli.begin("image", "resize", image.toString(), NEW, "--shrink");
    }

    /** The tool that moves the file system together; what it only asks for is not meant. */
    private static Optional<ProcessHandle> resizer(Cli.Running command) {
        return command.process()
                .descendants()
                .filter(one -> one.info().command().orElse("").endsWith("resize2fs"))
                .filter(one ->
                        !List.of(one.info().arguments().orElse(new String[0])).contains("-P"))
                .findFirst();
    }

    private static ProcessHandle awaitResizer(Cli.Running command) throws Exception {
        Optional<ProcessHandle> found = resizer(command);
        while (found.isEmpty() && command.process().isAlive()) {
            TimeUnit.MILLISECONDS.sleep(1);
            found = resizer(command);
        }
        return found.orElseThrow(() -> new AssertionError("resize2fs was not seen"));
    }

    private void requireWhole(String size) throws Exception {
        Path root = mounted();
        assertThat(sum(root)).isEqualTo(content);
        Map<?, ?> device = (Map<?, ?>) cli.ok("devices", "--json").jsonRows().get(0);
        Commands.run(Cli.LIMIT, "umount", root.toString());
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", String.valueOf(device.get("blockDevice")));
        cli.ok("detach", image.toString());
        assertThat(cli.ok("image", "info", image.toString(), "--json").json().get("sizeBytes"))
                .isEqualTo((int) (Long.parseLong(size.replace("M", "")) << 20));
        cli.ok("image", "check", image.toString());
    }

    private Path accepted() {
        return image.resolve(".root.hds.tidemark-accepted");
    }

    /** The image as it was made, for another attempt. */
    private void putBack() throws Exception {
        Commands.run(Cli.LIMIT, "rm", "-rf", image.toString());
        Commands.run(Cli.LIMIT, "cp", "-a", "--sparse=always", cli.path("saved").toString(), image.toString());
    }

    @Test
    void theToolOrTheCommandIsKilled() throws Exception {
        makeImage();
        for (boolean commandToo : new boolean[] {false, true}) {
            int attempts = 1;
            while (!isKilledBeforeTheCommit(commandToo)) {
                assertThat(attempts++).as("attempts").isLessThan(ATTEMPTS);
                requireWhole(NEW);
                putBack();
            }
            requireWhole(OLD);
        }
        cli.ok("image", "resize", image.toString(), NEW, "--shrink");
        requireWhole(NEW);
        try (var left = Files.list(image)) {
            assertThat(left.map(Path::getFileName).map(Path::toString)).noneMatch(name -> name.startsWith("."));
        }
    }

    /** False when it came too late: then the disk is the new one on return. */
    private boolean isKilledBeforeTheCommit(boolean commandToo) throws Exception {
        Cli.Running command = shrinking();
        ProcessHandle tool = awaitResizer(command);
        TimeUnit.MILLISECONDS.sleep(random.nextInt(80));
        if (commandToo) {
            command.process().destroyForcibly();
        }
        boolean killed = tool.destroyForcibly();
        Cli.Result result = command.await();
        System.out.println("command too " + commandToo + ": killed " + killed + ", "
                + result.err().strip());
        if (result.exitCode() == 0) {
            return false;
        }
        if (!commandToo) {
            Cli.refused(result, 1, "as large as it was");
        }
        Cli.await(
                "the overlay is not attached any more",
                () -> cli.ok("devices", "--json").jsonRows().isEmpty());
        if (!Files.exists(accepted())) {
            return true;
        }
        cli.ok("image", "resize", image.toString(), NEW, "--shrink");
        return false;
    }

    /** Killed while the image gets what was changed: nobody sees it half done. */
    @Test
    void theCommandIsKilledWhileTheImageIsWritten() throws Exception {
        makeImage();
        int attempts = 1;
        while (!isKilledBehindTheCommit()) {
            assertThat(attempts++).as("attempts").isLessThan(ATTEMPTS);
            putBack();
        }
        cli.refused(4, "--shrink again", "attach", image.toString());
        cli.refused(4, "--shrink again", "image", "info", image.toString());
        cli.ok("image", "resize", image.toString(), NEW, "--shrink");
        requireWhole(NEW);
    }

    private boolean isKilledBehindTheCommit() throws Exception {
        Cli.Running command = shrinking();
        while (!Files.exists(accepted()) && command.process().isAlive()) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        command.process().destroyForcibly();
        command.await();
        return Files.exists(accepted());
    }

    /** What the overlay is for: the tool killed on a plain file. */
    @Test
    void theToolByItselfLeavesRuins() throws Exception {
        Path disk = cli.path("plain");
        Commands.run(Cli.LIMIT, "truncate", "-s", OLD, disk.toString());
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", disk.toString());
        Path root = Files.createDirectories(cli.path("root"));
        Commands.run(Cli.LIMIT, "mount", "-o", "loop", disk.toString(), root.toString());
        try {
            fill(root);
        } finally {
            Commands.run(Cli.LIMIT, "umount", root.toString());
        }
        Path copy = cli.path("copy");
        long wholeNanos = 0;
        int ruined = 0;
        for (int attempt = 0; attempt < 60 && ruined == 0; attempt++) {
            Commands.run(Cli.LIMIT, "cp", "--sparse=always", disk.toString(), copy.toString());
            long begun = System.nanoTime();
            Process tool = begin("resize2fs", "-f", copy.toString(), NEW);
            if (attempt % 20 == 0) {
                assertThat(tool.waitFor(60, TimeUnit.SECONDS)).isTrue();
                wholeNanos = System.nanoTime() - begun;
            } else {
                // Nearly all it does is reading, and then it writes.
                TimeUnit.NANOSECONDS.sleep(wholeNanos * (60 + random.nextInt(40)) / 100);
                tool.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
            }
            Process check = begin("e2fsck", "-fn", copy.toString());
            assertThat(check.waitFor(60, TimeUnit.SECONDS)).isTrue();
            ruined += check.exitValue() > 1 ? 1 : 0;
        }
        assertThat(ruined).isPositive();
    }

    private static Process begin(String... line) throws IOException {
        return new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }
}
