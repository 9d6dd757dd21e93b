package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** qcow2 images behind the kernel's file systems: attached, written, killed, snapshotted by qemu between. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "qemu-img", "fstrim"})
@Timeout(180)
class Qcow2DeviceIT {
    private static final String SIZE = "512M";

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("qcow2-device-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Commands.run(ServerHost.LIMIT, command);
    }

    private Path file(String name) {
        return host.folder().resolve(name);
    }

    private void create(String name, String options) throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, file(name).toString(), SIZE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"compat=1.1", "compat=0.10", "cluster_size=4k", "extended_l2=on", "data_file=outside"})
    void aFileSystemLivesOnIt(String options) throws Exception {
        // Where other programs look for a relative name depends on their working folder.
        create("disk.qcow2", options.equals("data_file=outside") ? "data_file=" + file("outside") : options);
        String block = host.attach("d1", file("disk.qcow2"));
        run("mkfs.ext4", "-q", block);
        Path mount = Files.createDirectory(host.folder().resolve("mnt"));
        run("mount", block, mount.toString());
        run("cp", "-a", "/etc", mount.resolve("one").toString());
        run("cp", "-a", "/etc", mount.resolve("two").toString());
        run("sync", "-f", mount.toString());
        run("rm", "-r", mount.resolve("one").toString());
        run("fstrim", mount.toString());
        run("umount", mount.toString());
        run("e2fsck", "-fn", block);
        host.client().detach("d1", ServerHost.LIMIT);
        assertThat(ServerHost.check(file("disk.qcow2")).findings()).isEmpty();
        run("qemu-img", "check", "-q", file("disk.qcow2").toString());

        block = host.attach("d1", file("disk.qcow2"));
        run("mount", block, mount.toString());
        run("diff", "-r", "--no-dereference", "/etc", mount.resolve("two").toString());
        run("umount", mount.toString());
        host.client().detach("d1", ServerHost.LIMIT);
    }

    @Test
    void writesSurviveAKilledServerAndSharedClustersStayAsTheyWere() throws Exception {
        create("base.qcow2", "cluster_size=32k");
        String block = host.attach("d1", file("base.qcow2"));
        run("fio", "--name=fill", "--filename=" + block, "--rw=write", "--bs=1m", "--size=64m", "--end_fsync=1");
        host.client().detach("d1", ServerHost.LIMIT);
        run("qemu-img", "snapshot", "-c", "before", file("base.qcow2").toString());
        run(
                "qemu-img",
                "convert",
                "-O",
                "raw",
                file("base.qcow2").toString(),
                file("before.raw").toString());
        run(
                "qemu-img",
                "create",
                "-q",
                "-f",
                "qcow2",
                "-b",
                "base.qcow2",
                "-F",
                "qcow2",
                file("top.qcow2").toString());
        for (String image : new String[] {"base.qcow2", "top.qcow2"}) {
            block = host.attach("d1", file(image));
            run(fio(block, "write"));
            host.killServer();
            host.awaitServing();
            run(fio(block, "read"));
            host.client().detach("d1", ServerHost.LIMIT);
            run("qemu-img", "check", "-q", file(image).toString());
            if (image.equals("base.qcow2")) {
                run(
                        "qemu-img",
                        "convert",
                        "-l",
                        "before",
                        "-O",
                        "raw",
                        file(image).toString(),
                        file("then.raw").toString());
                run("cmp", file("before.raw").toString(), file("then.raw").toString());
            }
        }
    }

    private static String[] fio(String block, String mode) {
        return new String[] {
            "fio",
            "--name=verify",
            "--filename=" + block,
            "--rw=rand" + mode,
            "--bs=4k",
            "--size=96m",
            "--direct=1",
            "--ioengine=libaio",
            "--iodepth=16",
            "--verify=crc32c",
            "--randseed=7",
            "--io_size=24m",
            mode.equals("read") ? "--verify_only" : "--do_verify=0",
            "--fsync=500",
            "--output=/dev/null"
        };
    }
}
