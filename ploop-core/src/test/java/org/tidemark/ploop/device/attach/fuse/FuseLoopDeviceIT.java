package org.tidemark.ploop.device.attach.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.Attachment;
import org.tidemark.ploop.device.attach.DeviceExporter;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;
import org.tidemark.ploop.testing.RawFileDevice;
import org.tidemark.ploop.testing.Requires;

/** The kernel's own FUSE, loop and file systems over a device of this process. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "unshare", "nsenter"})
@Timeout(120)
class FuseLoopDeviceIT {
    private static final String WORD = "fuseloop-";
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final long SIZE = 256L << 20;

    private Path folder;
    private final List<Attachment> attachments = new ArrayList<>();

    @BeforeEach
    void fresh() throws IOException {
        folder = Leftovers.freshFolder(WORD);
    }

    @AfterEach
    void clear() throws IOException {
        for (Attachment attachment : attachments) {
            try {
                attachment.detach(Duration.ofSeconds(5));
            } catch (IOException e) {
                System.out.println("detach after the test: " + e.getMessage());
            }
        }
        Leftovers.clear(WORD);
    }

    private Attachment attach(String id, RawFileDevice device, LoopWindow window) throws IOException {
        Path own = Files.createDirectory(folder.resolve(id));
        StateArea area = TmpfsStateArea.create(own.resolve("state"));
        DeviceExporter.Connection connection = new FuseLoopExporter(folder, 4).open(id);
        Attachment attachment = connection.attach(device, area, window);
        attachments.add(attachment);
        return attachment;
    }

    private RawFileDevice device(String name, boolean writable, long delayNanos) throws IOException {
        Path file = folder.resolve(name);
        if (!Files.exists(file)) {
            RawFileDevice.create(file, SIZE);
        }
        return new RawFileDevice(file, writable, delayNanos);
    }

    @Test
    void aFileSystemLivesOnIt() throws Exception {
        try (RawFileDevice device = device("disk", true, 0)) {
            Attachment attachment = attach("d1", device, LoopWindow.WHOLE);
            String block = attachment.blockDevice().toString();
            LoopDevice loop = LoopDevice.bound().stream()
                    .filter(one -> one.path().toString().equals(block))
                    .findFirst()
                    .orElseThrow();
            assertThat(loop.directIo()).isTrue();
            assertThat(loop.sizeBytes()).isEqualTo(SIZE);

            Commands.run(LIMIT, "mkfs.ext4", "-q", block);
            Path mount = Files.createDirectory(folder.resolve("mnt"));
            Commands.run(LIMIT, "mount", block, mount.toString());
            Commands.run(LIMIT, "cp", "-r", "/etc", mount.resolve("etc").toString());
            Commands.run(
                    LIMIT,
                    "fio",
                    "--name=verify",
                    "--directory=" + mount,
                    "--size=64m",
                    "--rw=randrw",
                    "--bs=4k-64k",
                    "--direct=1",
                    "--ioengine=libaio",
                    "--iodepth=16",
                    "--verify=crc32c",
                    "--verify_state_save=0",
                    "--fsync=32");
            Commands.run(LIMIT, "fstrim", mount.toString());

            assertThatThrownBy(() -> attachment.detach(Duration.ofSeconds(1)))
                    .isInstanceOfSatisfying(
                            OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
            assertThat(attachment.serving()).isTrue();

            Commands.run(LIMIT, "umount", mount.toString());
            Commands.run(LIMIT, "e2fsck", "-f", "-n", block);
            attachment.detach(Duration.ofSeconds(10));
            assertThat(attachment.serving()).isFalse();
            assertThat(loop.backingFile()).doesNotStartWith(folder.toString());
            assertThat(Mounts.at(FuseLoopExporter.mountPoint(folder, "d1"))).isEmpty();
        }
        Commands.run(LIMIT, "e2fsck", "-f", "-n", folder.resolve("disk").toString());
    }

    @Test
    void aMountNamespaceThatCopiedTheMountsIsWaitedForAndNamed() throws Exception {
        try (RawFileDevice device = device("disk", true, 0)) {
            Attachment attachment = attach("d1", device, LoopWindow.WHOLE);
            String block = attachment.blockDevice().toString();
            Commands.run(LIMIT, "mkfs.ext4", "-q", block);
            Path mount = Files.createDirectory(folder.resolve("mnt"));
            Commands.run(LIMIT, "mount", block, mount.toString());
            Process other = new ProcessBuilder("unshare", "-m", "--propagation", "private", "sleep", "60").start();
            try {
                long end = System.nanoTime() + LIMIT.toNanos();
                while (!Files.readString(Path.of("/proc/" + other.pid() + "/comm"))
                        .startsWith("sleep")) {
                    assertThat(System.nanoTime()).isLessThan(end);
                    LockSupport.parkNanos(1_000_000);
                }
                Commands.run(LIMIT, "umount", mount.toString());
                assertThatThrownBy(() -> attachment.detach(Duration.ofMillis(300)))
                        .hasMessageContaining("process " + other.pid())
                        .hasMessageContaining("mount namespace")
                        .hasMessageContaining(mount.toString());
                assertThat(attachment.serving()).isTrue();

                // What that namespace still has of the FUSE mount does not keep the device.
                Commands.run(LIMIT, "nsenter", "-t", String.valueOf(other.pid()), "-m", "umount", mount.toString());
                attachment.detach(Duration.ofSeconds(5));
                assertThat(attachment.serving()).isFalse();
                assertThat(other.isAlive()).isTrue();
            } finally {
                other.destroyForcibly();
            }
        }
    }

    @Test
    void trimsAndZeroesReadBackAsZerosToTheByte() throws Exception {
        try (RawFileDevice device = device("disk", true, 0)) {
            String block = attach("d1", device, LoopWindow.WHOLE).blockDevice().toString();
            Commands.run(
                    LIMIT,
                    "fio",
                    "--name=trim",
                    "--filename=" + block,
                    "--size=64m",
                    "--rw=randtrimwrite",
                    "--bs=4k",
                    "--direct=1",
                    "--ioengine=libaio",
                    "--iodepth=16",
                    "--verify=crc32c",
                    "--verify_state_save=0",
                    "--verify_backlog=64",
                    "--trim_backlog=32",
                    "--trim_percentage=30",
                    "--trim_verify_zero=1");
            Commands.run(LIMIT, "dd", "if=/dev/urandom", "of=" + block, "bs=1M", "count=4", "oflag=direct");
            Commands.run(LIMIT, "blkdiscard", "-o", "512", "-l", "1536", block);
            Commands.run(LIMIT, "blkdiscard", "-z", "-o", "1049088", "-l", "1049088", block);
            byte[] head;
            try (InputStream in = Files.newInputStream(Path.of(block))) {
                head = in.readNBytes(3 << 20);
            }
            for (int at = 0; at < 1536; at++) {
                assertThat(head[512 + at]).isZero();
            }
            for (int at = 0; at < 1049088; at++) {
                assertThat(head[1049088 + at]).isZero();
            }
        }
    }

    @Test
    void aPartitionIsShownByOffsetAndLength() throws Exception {
        try (RawFileDevice device = device("disk", true, 0)) {
            LoopWindow window = new LoopWindow(1 << 20, 64 << 20);
            String block = attach("d1", device, window).blockDevice().toString();
            Commands.run(LIMIT, "mkfs.ext4", "-q", block);
            assertThat(Commands.run(LIMIT, "blockdev", "--getsize64", block).trim())
                    .isEqualTo("67108864");
        }
        Commands.run(LIMIT, "e2fsck", "-fn", folder.resolve("disk") + "?offset=1048576");
    }

    @Test
    void aReadOnlyDeviceStaysAsItIs() throws Exception {
        try (RawFileDevice device = device("disk", false, 0)) {
            String block = attach("d1", device, LoopWindow.WHOLE).blockDevice().toString();
            assertThat(Commands.tryRun(LIMIT, "dd", "if=/dev/zero", "of=" + block, "bs=4k", "count=1", "oflag=direct")
                            .exitCode())
                    .isNotZero();
            Commands.run(LIMIT, "dd", "if=" + block, "of=/dev/null", "bs=1M", "count=8", "iflag=direct");
        }
    }

    @Test
    void aSlowDeviceDoesNotSlowAnother() throws Exception {
        try (RawFileDevice slow = device("slow", true, 20_000_000);
                RawFileDevice fast = device("fast", true, 0)) {
            String slowBlock =
                    attach("slow-d", slow, LoopWindow.WHOLE).blockDevice().toString();
            String fastBlock =
                    attach("fast-d", fast, LoopWindow.WHOLE).blockDevice().toString();
            Path output = folder.resolve("slow.out");
            Process load = Commands.start(output, fio(slowBlock, 16, 5));
            try {
                double iops = iops(Commands.run(LIMIT, fio(fastBlock, 1, 3)));
                System.out.println("beside a slow device: " + Math.round(iops) + " IOPS at depth 1");
                assertThat(iops).isGreaterThan(1000);
            } finally {
                load.waitFor();
            }
        }
    }

    /** Where the image has to be waited for, more threads serve; those that rest end with the connection too. */
    @Test
    void aSlowImageGetsMoreThreadsUnderLoadAndAllOfThemEnd() throws Exception {
        try (RawFileDevice slow = device("growing", true, 2_000_000)) {
            Attachment attachment = attach("growing-d", slow, LoopWindow.WHOLE);
            String block = attachment.blockDevice().toString();
            assertThat(slots("growing-d")).isEqualTo(4);
            double iops = iops(Commands.run(LIMIT, fio(block, 16, 2)));
            assertThat(slots("growing-d")).isGreaterThan(8).isLessThanOrEqualTo(FuseServer.MOST_THREADS);
            assertThat(iops).as("four threads at 2 ms reach 2,000").isGreaterThan(2500);
            // At depth 1 most of them come to rest, and load wakes them up again.
            Commands.run(LIMIT, fio(block, 1, 1));
            assertThat(iops(Commands.run(LIMIT, fio(block, 16, 2)))).isGreaterThan(2500);
            attachment.detach(LIMIT);
            attachments.remove(attachment);
            assertThat(attachment.serving()).isFalse();
        }
    }

    private long slots(String id) throws IOException {
        try (java.util.stream.Stream<Path> files = Files.list(folder.resolve(id).resolve("state"))) {
            return files.filter(file -> file.getFileName().toString().startsWith("fuse-slot-"))
                    .count();
        }
    }

    private static String[] fio(String block, int depth, int seconds) {
        return new String[] {
            "fio",
            "--name=load",
            "--filename=" + block,
            "--rw=randwrite",
            "--bs=4k",
            "--direct=1",
            "--ioengine=libaio",
            "--iodepth=" + depth,
            "--time_based",
            "--runtime=" + seconds,
            "--minimal"
        };
    }

    /** Field 49 of fio's terse output, version 3. */
    private static double iops(String terse) {
        return Double.parseDouble(terse.trim().split(";")[48]);
    }
}
