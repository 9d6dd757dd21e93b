package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.partition.Ext4Summary;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A container gets more room: image, partition and file system, with everything that was in it. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "resize2fs", "xfs_growfs", "qemu-img", "ploop"
})
@Timeout(240)
class ImageResizeIT {
    private static final int CAP_SYS_RESOURCE = 24;

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
        if (fileSystem.equals("ext4") && !mayGrowMountedExt4()) {
            cli.refused(6, "Unmount it", "image", "resize", image.toString(), to);
        } else {
            cli.ok("image", "resize", image.toString(), to);
            assertThat(Files.getFileStore(root).getTotalSpace()).isGreaterThan(room * 3 / 2);
            assertThat(Cli.checksum(root.resolve("file"))).isEqualTo(before);
        }
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

    private static boolean mayGrowMountedExt4() throws IOException {
        long capabilities = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("CapEff:"))
                .map(line -> Long.parseLong(line.substring("CapEff:".length()).strip(), 16))
                .findFirst()
                .orElse(0L);
        return (capabilities >>> CAP_SYS_RESOURCE & 1) != 0;
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
        Path image = cli.path("xfs");
        cli.ok("image", "resize", image.toString(), "1000M");
        assertThat(sizeOf(image)).isEqualTo(1000L << 20);
    }

    @Test
    void btrfs() throws Exception {
        grows("btrfs", "300M", "700M");
    }

    /** Made where other tools look for it, filled as they fill it, told by info, and kept when the disk grows. */
    @Test
    void theBalloonFile() throws Exception {
        Path image = image("web", "--size", "200M", "--fs", "ext4");
        assertThat(balloon(image)).isEqualTo(0);
        Path root = cli.path("root");
        mounted(image, root);
        Path file = root.resolve(Ext4Summary.BALLOON_FILE);
        assertThat(java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        for (int i = 0; i < 300; i++) {
            Files.createFile(root.resolve("a-name-that-takes-room-" + i));
        }
        Commands.run(Cli.LIMIT, "fallocate", "-l", "50M", file.toString());
        cli.ok("detach", image.toString());
        assertThat(balloon(image)).isEqualTo(50 << 20);
        cli.ok("image", "resize", image.toString(), "300M");
        assertThat(balloon(image)).isEqualTo(50 << 20);
        Map<?, ?> figures = fileSystem(image);
        assertThat(((Number) figures.get("sizeBytes")).longValue()).isBetween(290L << 20, 300L << 20);
        assertThat(((Number) figures.get("freeBytes")).longValue()).isBetween(150L << 20, 240L << 20);
        mounted(image, root);
        Files.delete(file);
        cli.ok("detach", image.toString());
        assertThat(fileSystem(image).get("balloonBytes")).isNull();
        assertThat(cli.ok(
                                "image",
                                "info",
                                image("xfs", "--size", "320M", "--fs", "xfs").toString(),
                                "--json")
                        .json()
                        .get("fileSystem"))
                .isNull();
    }

    private Map<?, ?> fileSystem(Path image) throws Exception {
        return (Map<?, ?>)
                cli.ok("image", "info", image.toString(), "--json").json().get("fileSystem");
    }

    private int balloon(Path image) throws Exception {
        return ((Number) fileSystem(image).get("balloonBytes")).intValue();
    }

    @Test
    void ext4BecomesSmaller() throws Exception {
        Path image = image("big", "--size", "900M", "--fs", "ext4", "--cluster", "64K");
        Path root = cli.path("root");
        mounted(image, root);
        Cli.random(Files.createFile(root.resolve("file")), 0, 60);
        String before = Cli.checksum(root.resolve("file"));
        cli.refused(4, "Detach it first", "image", "resize", image.toString(), "300M", "--shrink");
        cli.ok("detach", image.toString());
        cli.refused(2, "only be made larger", "image", "resize", image.toString(), "300M");
        cli.refused(2, "smallest possible disk", "image", "resize", image.toString(), "70M", "--shrink");
        Number minimum = (Number) cli.ok("image", "resize", image.toString(), "--minimum", "--json")
                .json()
                .get("minimumBytes");
        assertThat(minimum.longValue()).isBetween(70L << 20, 200L << 20);
        cli.ok("image", "resize", image.toString(), minimum.toString(), "--shrink");
        cli.ok("image", "resize", image.toString(), minimum.toString(), "--shrink");
        assertThat(sizeOf(image)).isEqualTo(minimum.longValue());
        cli.ok("image", "check", image.toString());
        Path file = image.resolve("root.hds");
        Commands.run(Cli.LIMIT, "qemu-img", "check", file.toString());
        Commands.run(Cli.LIMIT, "ploop", "check", "-f", "-c", "-r", file.toString());
        assertThat(Files.size(file)).isLessThan(minimum.longValue() + (2 << 20));
        String device = mounted(image, root);
        assertThat(Cli.checksum(root.resolve("file"))).isEqualTo(before);
        Commands.run(Cli.LIMIT, "umount", root.toString());
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", device);
        cli.ok("detach", image.toString());
        cli.ok("snapshot", "create", image.toString());
        cli.refused(1, "snapshots", "image", "resize", image.toString(), "80M", "--shrink");
        Path other = image("xfs", "--size", "400M", "--fs", "xfs");
        cli.refused(1, "never become smaller", "image", "resize", other.toString(), "350M", "--shrink");
        cli.refused(
                1,
                "no file system",
                "image",
                "resize",
                image("empty", "--size", "64M").toString(),
                "32M",
                "--shrink");
        cli.ok("image", "check", other.toString());
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

    /** Grown while it is mounted, the next backup is an increment; grown while it is not attached, it reads everything. */
    @Test
    void backupsGoOnAcrossGrowth() throws Exception {
        Path image = image("web", "--size", "320M", "--fs", "xfs");
        Path root = cli.path("root");
        mounted(image, root);
        cli.protect("web", image, Files.createDirectory(cli.path("vault")));
        Cli.random(Files.createFile(root.resolve("a")), 0, 20);
        String first = Cli.checksum(root.resolve("a")).split(" ")[0];
        cli.ok("backup", "web");
        cli.ok("image", "resize", image.toString(), "600M");
        Cli.random(Files.createFile(root.resolve("b")), 0, 200);
        String second = Cli.checksum(root.resolve("b")).split(" ")[0];
        cli.ok("backup", "web");
        List<Object> points = cli.ok("points", "web", "--json").jsonRows();
        assertThat(points).hasSize(2);
        Map<?, ?> newest = (Map<?, ?>) points.get(0);
        assertThat(newest.get("fullReason")).as(newest.toString()).isNull();
        assertThat(((Number) newest.get("bytesRead")).longValue()).isLessThan(300L << 20);
        String oldest = String.valueOf(((Map<?, ?>) points.get(1)).get("point"));
        restores(oldest, 320, Map.of("a", first));
        restores(String.valueOf(newest.get("point")), 600, Map.of("a", first, "b", second));
        cli.ok("detach", image.toString());
        cli.ok("image", "resize", image.toString(), "700M");
        mounted(image, root);
        cli.ok("backup", "web");
        Map<?, ?> whole =
                (Map<?, ?>) cli.ok("points", "web", "--json").jsonRows().get(0);
        assertThat(whole.get("fullReason")).as(whole.toString()).isNotNull();
    }

    private void restores(String point, long mebibytes, Map<String, String> checksums) throws Exception {
        Path restored = cli.path("restored-" + mebibytes);
        cli.ok("restore", "web", "--at", point, "--to", restored.toString());
        assertThat(sizeOf(restored)).isEqualTo(mebibytes << 20);
        Path again = Files.createDirectories(cli.path("again"));
        cli.ok("detach", cli.path("web").toString());
        cli.attach(restored, "--mount", again.toString());
        for (Map.Entry<String, String> file : checksums.entrySet()) {
            assertThat(Cli.checksum(again.resolve(file.getKey())).split(" ")[0]).isEqualTo(file.getValue());
        }
        cli.ok("detach", restored.toString());
        mounted(cli.path("web"), cli.path("root"));
    }

    private long sizeOf(Path image) throws Exception {
        return ((Number) cli.ok("image", "info", image.toString(), "--json")
                        .json()
                        .get("sizeBytes"))
                .longValue();
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
