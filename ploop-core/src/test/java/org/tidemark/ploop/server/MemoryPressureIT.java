package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.device.attach.fuse.FuseLoopExporter;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * A device server and a writer that dirties pages on its device, together in one memory cgroup that is much smaller than
 * what is written: to clean a page the kernel needs the server, which must not need memory for that. {@code
 * -Dmemory.mebibytes=N} for a longer storm.
 */
@Tag("alone")
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(240)
class MemoryPressureIT {
    private static final Path CONTROLLER = Path.of("/sys/fs/cgroup/memory");
    private static final long LIMIT_BYTES = 256L << 20;
    private static final int MEBIBYTES = Integer.getInteger("memory.mebibytes", 512);
    private static final long STORM_LIMIT_SECONDS = 60;

    private final Path group = CONTROLLER.resolve("tidemark-test-memory");
    /** On the disk: on tmpfs the image itself would be memory of the group. */
    private final Path disk = Path.of("target", "memory-pressure").toAbsolutePath();

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue(
                Files.isWritable(CONTROLLER.resolve("cgroup.procs")), "SKIPPED: no memory cgroup of version 1");
        host = ServerHost.start("memory-");
        remove();
        Files.createDirectory(group);
        Files.writeString(group.resolve("memory.limit_in_bytes"), Long.toString(LIMIT_BYTES));
        Files.createDirectories(disk);
    }

    private void remove() throws IOException {
        try (Stream<Path> left =
                Files.exists(disk.resolve("image")) ? Files.list(disk.resolve("image")) : Stream.of()) {
            for (Path one : left.toList()) {
                Files.delete(one);
            }
        }
        Files.deleteIfExists(disk.resolve("image"));
        if (Files.exists(group)) {
            // An empty cgroup is removed as a folder is; its files go with it.
            group.toFile().delete();
        }
    }

    @AfterEach
    void stop() throws IOException {
        if (host != null) {
            // Whoever waits for pages that this server is to write can only then be looked at, and ended.
            FuseLoopExporter.abort(FuseLoopExporter.mountPoint(host.run().devices(), "d"));
            host.close();
            remove();
        }
    }

    private long value(String file) throws IOException {
        return Long.parseLong(Files.readString(group.resolve(file)).strip());
    }

    /** What the kernel says each of them is at. */
    private static String threads(long pid) {
        StringBuilder said = new StringBuilder();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks.toList()) {
                said.append(Files.readString(task.resolve("comm")).strip())
                        .append(' ')
                        .append(Files.readString(task.resolve("stack")))
                        .append('\n');
            }
        } catch (IOException e) {
            said.append(e);
        }
        return said.toString();
    }

    @Test
    void dirtyPagesAreWrittenThoughTheServerHasNoMemoryLeft() throws Exception {
        // The next server is born in the group: all its memory is the group's.
        for (long pid : new long[] {host.holderProcess(), host.serverProcess().pid()}) {
            Files.writeString(group.resolve("cgroup.procs"), Long.toString(pid));
        }
        host.killServer();
        host.connectWhenReady();
        Path image = Files.createDirectories(disk.resolve("image"));
        ChainFiles.create(new VfsImageDirectory(image), "root.hds", (MEBIBYTES + 256L) << 20, 1 << 20);
        String block = host.attach("d", image);
        Commands.run(ServerHost.LIMIT, "mkfs.ext4", "-q", block);
        Path mount = Files.createDirectory(host.folder().resolve("mnt"));
        Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());

        Processes.Id server = host.serverProcess();
        Process storm = Commands.start(
                host.folder().resolve("storm.out"),
                "sh",
                "-c",
                "echo $$ > " + group.resolve("cgroup.procs") + "; exec dd if=/dev/zero of=" + mount.resolve("big")
                        + " bs=1M count=" + MEBIBYTES + " conv=fsync");
        boolean ended = storm.waitFor(STORM_LIMIT_SECONDS, TimeUnit.SECONDS);
        assertThat(ended)
                .as(() -> "the storm comes to an end; the threads of the device server: " + threads(server.pid()))
                .isTrue();
        assertThat(storm.exitValue())
                .as(Files.readString(host.folder().resolve("storm.out")))
                .isZero();
        assertThat(value("memory.failcnt")).as("times the limit was met").isPositive();
        assertThat(Files.readString(group.resolve("memory.oom_control"))).contains("oom_kill 0");
        assertThat(host.serverProcess()).isEqualTo(server);
        assertThat(server.alive()).isTrue();
        assertThat(host.client().devices()).allMatch(one -> one.state().equals("SERVING"));
        System.out.println("in " + LIMIT_BYTES + " bytes: limit met " + value("memory.failcnt") + " times; locked "
                + host.client().status().flag("memoryLocked") + ", I/O flusher "
                + host.client().status().flag("ioFlusher"));
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        host.client().detach("d", ServerHost.LIMIT);
    }
}
