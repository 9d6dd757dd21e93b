package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A container gets more room: image, partition and file system, with everything that was in it. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "resize2fs", "xfs_growfs", "qemu-img", "ploop"
})
@Timeout(240)
class ImageResizeIT {
    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("resize-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Path image(String name, String... options) throws Exception {
        Path image = cli.path(name);
        List<String> line = new java.util.ArrayList<>(List.of("image", "create", image.toString()));
        line.addAll(List.of(options));
        cli.ok(line.toArray(String[]::new));
        return image;
    }

    private String mounted(Path image, Path folder) throws Exception {
        return cli.attach(image, "--mount", Files.createDirectories(folder).toString());
    }

    private void grows(String fileSystem, String from, String to, String... options) throws Exception {
        Path root = cli.path("root-" + fileSystem);
        Path image = cli.path(fileSystem);
        List<String> line = new java.util.ArrayList<>(
                List.of("image", "create", image.toString(), "--size", from, "--fs", fileSystem));
        line.addAll(List.of(options));
        cli.ok(line.toArray(String[]::new));
        mounted(image, root);
        Cli.random(Files.createFile(root.resolve("file")), 0, 20);
        String before = Cli.checksum(root.resolve("file"));
        long inode = (long) Files.getAttribute(root.resolve("file"), "unix:ino");
        long room = Files.getFileStore(root).getTotalSpace();
        cli.refused(4, "in use", "image", "resize", image.toString(), to);
        cli.ok("detach", image.toString());
        cli.ok("image", "resize", image.toString(), to);
        cli.ok("image", "resize", image.toString(), to);
        cli.ok("image", "check", image.toString());
        String device = mounted(image, root);
        assertThat(Files.getFileStore(root).getTotalSpace()).isGreaterThan(room * 3 / 2);
        assertThat(Cli.checksum(root.resolve("file"))).isEqualTo(before);
        assertThat((long) Files.getAttribute(root.resolve("file"), "unix:ino")).isEqualTo(inode);
        Commands.run(Cli.LIMIT, "umount", root.toString());
        if (fileSystem.equals("ext4")) {
            Commands.run(Cli.LIMIT, "e2fsck", "-fn", device);
        }
        cli.ok("detach", image.toString());
    }

    /** Clusters of 32 KiB: the table grows over the first clusters of the data. */
    @Test
    void ext4() throws Exception {
        grows("ext4", "200M", "900M", "--cluster", "32K");
        Path file = cli.path("ext4").resolve("root.hds");
        Commands.run(Cli.LIMIT, "qemu-img", "check", file.toString());
        Commands.run(Cli.LIMIT, "ploop", "check", "-f", "-c", "-r", file.toString());
        assertThat(Commands.run(Cli.LIMIT, "qemu-img", "info", "--output=json", file.toString()))
                .contains("\"virtual-size\": " + (900 << 20));
    }

    @Test
    void xfs() throws Exception {
        grows("xfs", "400M", "900M");
    }

    @Test
    void btrfs() throws Exception {
        grows("btrfs", "300M", "700M");
    }

    @Test
    void aRawFileAndAnImageWithSnapshots() throws Exception {
        Path raw = image("raw", "--size", "64M", "--format", "raw", "--fs", "ext4");
        cli.ok("image", "resize", raw.toString(), "200M");
        assertThat(Files.size(raw)).isEqualTo(200 << 20);
        Path chain = image("chain", "--size", "64M", "--fs", "ext4");
        Path root = cli.path("root");
        mounted(chain, root);
        Files.writeString(root.resolve("old"), "before the snapshot");
        cli.ok("detach", chain.toString());
        cli.ok("snapshot", "create", chain.toString());
        cli.ok("image", "resize", chain.toString(), "200M");
        mounted(chain, root);
        assertThat(root.resolve("old")).hasContent("before the snapshot");
        Cli.random(Files.createFile(root.resolve("new")), 0, 100);
    }

    @Test
    void backupsGoOnAfterwards() throws Exception {
        Path image = image("web", "--size", "64M", "--fs", "ext4");
        Path root = cli.path("root");
        mounted(image, root);
        cli.protect("web", image, Files.createDirectory(cli.path("vault")));
        Files.writeString(root.resolve("a"), "first");
        cli.ok("backup", "web");
        cli.ok("detach", image.toString());
        cli.ok("image", "resize", image.toString(), "200M");
        mounted(image, root);
        Cli.random(Files.createFile(root.resolve("b")), 0, 100);
        String content = Cli.checksum(root.resolve("b"));
        cli.ok("backup", "web");
        cli.ok("restore", "web", "--to", cli.path("restored").toString());
        Path again = cli.path("again");
        cli.attach(
                cli.path("restored"),
                "--read-only",
                "--mount",
                Files.createDirectory(again).toString());
        assertThat(again.resolve("a")).hasContent("first");
        assertThat(Cli.checksum(again.resolve("b")).split(" ")[0]).isEqualTo(content.split(" ")[0]);
    }

    @Test
    void whatMakesNoSenseChangesNothing() throws Exception {
        Path image = image("web", "--size", "64M");
        String before = Cli.checksum(image);
        cli.refused(2, "larger", "image", "resize", image.toString(), "32M");
        cli.refused(3, "nowhere", "image", "resize", cli.path("nowhere").toString(), "1G");
        assertThat(cli.run("image", "resize", image.toString(), "much").exitCode())
                .isEqualTo(2);
        assertThat(before).contains(Cli.checksum(image.resolve("root.hds")).split(" ")[0]);
    }
}
