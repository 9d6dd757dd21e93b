package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Expanded images behind the kernel's own file systems and block layer: what is written comes back, to the byte. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "qemu-img", "blkdiscard", "fstrim"})
@Timeout(120)
class PloopDeviceIT {
    private static final long SIZE = 512L << 20;
    private static final int MIB = 1 << 20;

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("ploop-device-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Commands.run(ServerHost.LIMIT, command);
    }

    private static List<String> fileSystemCheck(String type, String block) {
        return switch (type) {
            case "ext4" -> List.of("e2fsck", "-fn", block);
            case "xfs" -> List.of("xfs_repair", "-n", block);
            default -> List.of("btrfs", "check", "--readonly", block);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void aFileSystemLivesOnIt(String type) throws Exception {
        Path image = host.newImage("image", SIZE);
        String block = host.attach("d1", image);
        run("mkfs." + type, "-q", block);
        Path mount = Files.createDirectory(host.folder().resolve("mnt"));
        run("mount", "-t", type, block, mount.toString());
        run("cp", "-a", "/etc", mount.resolve("one").toString());
        run("cp", "-a", "/etc", mount.resolve("two").toString());
        run("sync", "-f", mount.toString());
        run("rm", "-r", mount.resolve("one").toString());
        run("fstrim", mount.toString());
        run("umount", mount.toString());

        run(fileSystemCheck(type, block).toArray(String[]::new));
        run("mount", "-t", type, block, mount.toString());
        run("diff", "-r", "--no-dereference", "/etc", mount.resolve("two").toString());
        run("umount", mount.toString());
        host.client().detach("d1", ServerHost.LIMIT);
        assertThat(ServerHost.check(image).findings()).isEmpty();
    }

    @Test
    void trimsZeroesAndRandomWritesVerify() throws Exception {
        Path image = host.newImage("image", SIZE);
        String block = host.attach("d1", image);
        fio(block, "randtrimwrite", "0", "--bs=4k", "--iodepth=1");
        fio(block, "randwrite", "64m", "--bsrange=512-192k", "--bs_unaligned=0", "--blockalign=512", "--iodepth=16");
        fio(
                block,
                "randtrimwrite",
                "192m",
                "--bs=4k",
                "--iodepth=16",
                "--verify_backlog=64",
                "--trim_backlog=32",
                "--trim_percentage=30",
                "--trim_verify_zero=1");
        zeroesAreZeroToTheByte(block);
        Path copy = host.folder().resolve("copy.raw");
        run("dd", "if=" + block, "of=" + copy, "bs=1M", "iflag=direct", "conv=sparse");
        host.client().detach("d1", ServerHost.LIMIT);

        assertThat(ServerHost.check(image).findings()).isEmpty();
        String delta = ServerHost.delta(image).toString();
        assertThat(Commands.run(
                        ServerHost.LIMIT,
                        "qemu-img",
                        "compare",
                        "-f",
                        "parallels",
                        "-F",
                        "raw",
                        delta,
                        copy.toString()))
                .contains("Images are identical");
    }

    private void fio(String block, String rw, String offset, String... more) throws Exception {
        String[] command = {
            "fio",
            "--name=verify",
            "--filename=" + block,
            "--offset=" + offset,
            "--size=64m",
            "--rw=" + rw,
            "--direct=1",
            "--ioengine=libaio",
            "--fsync=64",
            "--verify=crc32c",
            "--verify_fatal=1",
            "--verify_state_save=0",
            "--randseed=7"
        };
        String[] whole = Arrays.copyOf(command, command.length + more.length);
        System.arraycopy(more, 0, whole, command.length, more.length);
        run(whole);
    }

    /** Pieces that begin and end anywhere, over data, over a hole, within a cluster and across several. */
    private void zeroesAreZeroToTheByte(String block) throws Exception {
        long base = 320L << 20;
        run("dd", "if=/dev/urandom", "of=" + block, "bs=1M", "seek=320", "count=8", "oflag=direct");
        byte[] expected = read(block, base, 12 * MIB);
        int[][] pieces = {{512, 1536}, {MIB - 512, 1024}, {2 * MIB, MIB}, {3 * MIB + 4096, 3 * MIB}, {7 * MIB, 3 * MIB}
        };
        for (int i = 0; i < pieces.length; i++) {
            String offset = Long.toString(base + pieces[i][0]);
            String length = Integer.toString(pieces[i][1]);
            if (i % 2 == 0) {
                run("blkdiscard", "-o", offset, "-l", length, block);
            } else {
                run("blkdiscard", "-z", "-o", offset, "-l", length, block);
            }
            Arrays.fill(expected, pieces[i][0], pieces[i][0] + pieces[i][1], (byte) 0);
            assertThat(Arrays.mismatch(read(block, base, 12 * MIB), expected))
                    .as("after piece " + Arrays.toString(pieces[i]))
                    .isEqualTo(-1);
        }
    }

    private byte[] read(String block, long offset, int length) throws Exception {
        run("blockdev", "--flushbufs", block);
        try (InputStream in = Files.newInputStream(Path.of(block))) {
            in.skipNBytes(offset);
            return in.readNBytes(length);
        }
    }
}
