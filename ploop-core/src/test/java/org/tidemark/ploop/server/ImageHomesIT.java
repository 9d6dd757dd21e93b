package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * File systems that images may lie on, each with a device in one server: written, read back, killed, and closed without a finding.
 * All of them have direct I/O, so the host keeps no second copy of what the container caches.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "fincore"})
@Timeout(180)
class ImageHomesIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int MEBIBYTES = 24;
    /** btrfs writes direct requests through its cache where it has checksums, and drops the pages then: most of them. */
    private static final long LEFT_BYTES = 4 << 20;

    private final List<Path> mounts = new ArrayList<>();
    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("homes-");
    }

    @AfterEach
    void stop() throws IOException {
        for (int i = mounts.size() - 1; i >= 0; i--) {
            Mounts.unmountLazily(mounts.get(i));
        }
        host.close();
    }

    private Path folder(String name) throws IOException {
        return Files.createDirectory(host.folder().resolve(name));
    }

    private Path mounted(Path where, String... mount) throws Exception {
        List<String> command = new ArrayList<>(List.of("mount"));
        command.addAll(List.of(mount));
        command.add(where.toString());
        Commands.run(LIMIT, command.toArray(String[]::new));
        mounts.add(where);
        return where;
    }

    /** A file system in a file. */
    private Path made(String name, String... make) throws Exception {
        String file = host.folder().resolve(name + ".disk").toString();
        Commands.run(LIMIT, "truncate", "-s", "400M", file);
        List<String> command = new ArrayList<>(List.of(make));
        command.add(file);
        Commands.run(LIMIT, command.toArray(String[]::new));
        return mounted(folder(name), "-o", "loop", file);
    }

    private Path overlay(Path under) throws Exception {
        List<String> parts = new ArrayList<>();
        for (String part : List.of("lower", "upper", "work")) {
            parts.add(part + "dir=" + Files.createDirectory(under.resolve(part)));
        }
        return mounted(folder("overlay"), "-t", "overlay", "-o", String.join(",", parts), "overlay");
    }

    private static long cachedBytes(Path file) throws Exception {
        String said = Commands.run(LIMIT, "fincore", "--bytes", "--noheadings", "--output", "RES", file.toString());
        return Long.parseLong(said.strip());
    }

    /** An image there, attached. */
    private record Home(String name, Path image, String block, Path content) {}

    private Home home(Path folder) throws Exception {
        String name = folder.getFileName().toString();
        Path image = Files.createDirectory(folder.resolve("image"));
        ChainFiles.create(new VfsImageDirectory(image), "root.hds", 64L << 20, 1 << 20);
        Path content = host.folder().resolve(name + ".content");
        Commands.run(LIMIT, "dd", "if=/dev/urandom", "of=" + content, "bs=1M", "count=" + MEBIBYTES);
        return new Home(name, image, host.attach(name, image), content);
    }

    private void write(Home home) throws Exception {
        String source = "if=" + home.content();
        Commands.run(LIMIT, "dd", source, "of=" + home.block(), "bs=1M", "oflag=direct", "conv=notrunc,fsync");
    }

    private void readBack(Home home) throws Exception {
        Commands.run(LIMIT, "blockdev", "--flushbufs", home.block());
        Commands.run(
                LIMIT,
                "cmp",
                "-n",
                String.valueOf((long) MEBIBYTES << 20),
                home.content().toString(),
                home.block());
    }

    @Test
    void everyFileSystemIsAHome() throws Exception {
        Path ext4 = made("ext4", "mkfs.ext4", "-q");
        List<Path> folders = List.of(
                ext4,
                made("xfs", "mkfs.xfs", "-q"),
                made("btrfs", "mkfs.btrfs", "-q"),
                overlay(ext4),
                mounted(folder("tmpfs"), "-t", "tmpfs", "tmpfs"));
        List<Home> homes = new ArrayList<>();
        for (Path folder : folders) {
            homes.add(home(folder));
        }
        for (Home home : homes) {
            write(home);
            readBack(home);
        }
        host.killServer();
        host.awaitServing();
        for (Home home : homes) {
            readBack(home);
            // tmpfs is the cache itself.
            if (!home.name().equals("tmpfs")) {
                assertThat(cachedBytes(ServerHost.delta(home.image())))
                        .as("second copy of what lies on %s", home.name())
                        .isLessThan(LEFT_BYTES);
            }
            host.client().detach(home.name(), LIMIT);
            assertThat(ServerHost.check(home.image()).findings())
                    .as(home.name())
                    .isEmpty();
        }
        // The measure sees a second copy where there is one.
        Path delta = ServerHost.delta(homes.get(0).image());
        Commands.run(LIMIT, "dd", "if=" + delta, "of=/dev/null", "bs=1M");
        assertThat(cachedBytes(delta)).isGreaterThan(MEBIBYTES << 20);
    }
}
