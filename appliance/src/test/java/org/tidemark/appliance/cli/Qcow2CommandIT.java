package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** qcow2 images from the command line: made, converted, backed up while attached, restored; qemu is the judge. */
@Requires({"root", "fuse", "loop", "qemu-img", "qemu-io", "nbdinfo", "mkfs.ext4"})
@Timeout(300)
class Qcow2CommandIT {
    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("qcow2-command-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private void run(String... command) throws Exception {
        Commands.run(Cli.LIMIT, command);
    }

    private String file(String name) {
        return cli.path(name).toString();
    }

    @Test
    void convertedThroughEveryFormatItIsTheSame() throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", file("base.qcow2"), "64M");
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 1M 3M", file("base.qcow2"));
        run("qemu-img", "snapshot", "-c", "early", file("base.qcow2"));
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 8 2M 1M", file("base.qcow2"));
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", file("top.qcow2"));
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 6 9M 1M", "-c", "write -q -z 3M 1M", file("top.qcow2"));
        assertThat(cli.ok("image", "info", file("base.qcow2"), "--json").out()).contains("early");
        cli.ok("image", "convert", file("top.qcow2"), file("expanded"), "--to", "expanded");
        cli.ok("image", "convert", file("expanded"), file("flat.qcow2"), "--to", "qcow2");
        cli.ok("image", "convert", file("flat.qcow2"), file("flat.raw"), "--to", "raw");
        run("qemu-img", "check", "-q", file("flat.qcow2"));
        run("qemu-img", "compare", "-F", "raw", file("top.qcow2"), file("flat.raw"));
        cli.ok("image", "convert", file("base.qcow2"), file("early.raw"), "--to", "raw", "--snapshot", "early");
        run("qemu-img", "convert", "-l", "early", "-O", "raw", file("base.qcow2"), file("early-too.raw"));
        run("cmp", file("early.raw"), file("early-too.raw"));
        assertThat(cli.ok("image", "check", file("flat.qcow2"), "--json").jsonRows())
                .isEmpty();
    }

    @Test
    void anAttachedImageIsBackedUpAndRestored() throws Exception {
        Path image = cli.path("disk.qcow2");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--format", "qcow2", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 16);
        cli.protect("c", image, cli.path("target"));
        cli.ok("backup", "c");
        Cli.random(block, 20, 4);
        cli.ok("backup", "c");
        cli.ok("restore", "c", "--at", "latest", "--to", file("restored.qcow2"));
        cli.ok("restore", "c", "--at", "latest", "--to", file("restored"), "--format", "expanded");
        cli.ok("detach", "d");
        run("qemu-img", "check", "-q", file("restored.qcow2"));
        run("qemu-img", "check", "-q", image.toString());
        run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", image.toString(), file("restored.qcow2"));
        cli.ok("image", "clone", image.toString(), file("clone.qcow2"));
        run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", file("clone.qcow2"), file("restored.qcow2"));
    }

    private static String checksum(String path) throws Exception {
        return Commands.run(Cli.LIMIT, "sh", "-c", "sha256sum < " + path);
    }

    private String qemuSnapshots(String image) throws Exception {
        return Commands.run(Cli.LIMIT, "qemu-img", "snapshot", "-l", image);
    }

    @Test
    void snapshotsInsideTheFileAreListedRestoredAndDeleted() throws Exception {
        String image = file("inside.qcow2");
        run("qemu-img", "create", "-q", "-f", "qcow2", image, "32M");
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 1M 3M", image);
        run("qemu-img", "snapshot", "-c", "early", image);
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 6 2M 4M", image);
        run("qemu-img", "snapshot", "-c", "late", image);
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 8M", image);
        run("qemu-img", "convert", "-l", "early", "-O", "raw", image, file("early.raw"));
        assertThat(cli.ok("snapshot", "list", image).out()).contains("early").contains("late");
        String block = cli.attach(cli.path("inside.qcow2"), "--name", "d");
        assertThat(block).isNotEmpty();
        cli.refused(4, "detach it first", "snapshot", "switch", image, "early");
        cli.refused(4, "detach it first", "snapshot", "delete", image, "early");
        cli.ok("detach", "d");
        cli.ok("snapshot", "switch", image, "early");
        run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", image, file("early.raw"));
        cli.ok("snapshot", "delete", image, "late");
        assertThat(qemuSnapshots(image)).contains("early").doesNotContain("late");
        cli.ok("snapshot", "delete", image, "1");
        assertThat(qemuSnapshots(image)).doesNotContain("early");
        run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", image, file("early.raw"));
        run("qemu-img", "check", "-q", image);
        cli.refused(3, "no snapshot early", "snapshot", "delete", image, "early");
    }

    @Test
    void snapshotsAreFilesThatTheImageStandsOn() throws Exception {
        String image = file("disk.qcow2");
        run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M");
        String block = cli.attach(cli.path("disk.qcow2"), "--name", "d");
        Cli.random(block, 0, 8);
        String before = checksum(block);
        String first =
                (String) cli.ok("snapshot", "create", "d", "--json").json().get("snapshot");
        Cli.random(block, 4, 8);
        assertThat(cli.ok("image", "check", "--repair", image).out()).contains("nothing to repair");
        assertThat(cli.ok("image", "check", image, "--json").jsonRows()).isEmpty();
        cli.ok("detach", "d");
        String second =
                (String) cli.ok("snapshot", "create", image, "--json").json().get("snapshot");
        assertThat(cli.ok("snapshot", "list", image, "--json").jsonRows()).hasSize(3);
        assertThat(Commands.run(Cli.LIMIT, "qemu-img", "info", "--backing-chain", image))
                .contains("disk.qcow2." + first)
                .contains("disk.qcow2." + second);
        cli.refused(2, "written to", "snapshot", "delete", image, "disk.qcow2");
        cli.ok("snapshot", "switch", image, first);
        run("qemu-img", "convert", "-O", "raw", image, file("switched.raw"));
        assertThat(checksum(file("switched.raw"))).isEqualTo(before);
        cli.ok("snapshot", "delete", image, second);
        cli.ok("snapshot", "merge", image, "--all");
        assertThat(cli.ok("snapshot", "list", image, "--json").jsonRows()).hasSize(1);
        run("qemu-img", "check", "-q", image);
        run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", image, file("switched.raw"));
    }

    @Test
    void aSnapshotIsMountedBesideItsOrigin() throws Exception {
        String image = file("fs.qcow2");
        cli.ok("image", "create", image, "--size", "64M", "--format", "qcow2", "--fs", "ext4");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("attach", image, "--mount", mount.toString(), "--name", "d");
        Files.writeString(mount.resolve("word"), "one");
        String made =
                (String) cli.ok("snapshot", "create", "d", "--json").json().get("snapshot");
        Files.writeString(mount.resolve("word"), "two");
        Path beside = Files.createDirectory(cli.path("beside"));
        cli.ok("snapshot", "mount", "d", made, beside.toString());
        assertThat(beside.resolve("word")).hasContent("one");
        assertThat(mount.resolve("word")).hasContent("two");
        cli.refused(4, "unmount", "snapshot", "delete", "d", made);
        cli.ok("snapshot", "umount", beside.toString());
        cli.ok("snapshot", "delete", "d", made);
        assertThat(mount.resolve("word")).hasContent("two");
        cli.ok("detach", "d");
        run("qemu-img", "check", "-q", image);
        Files.createSymbolicLink(cli.path("link.qcow2"), cli.path("fs.qcow2"));
        cli.refused(2, "symbolic link", "snapshot", "create", file("link.qcow2"));
    }

    @Test
    void bitmapsAreKeptCurrentWhileTheImageIsAttached() throws Exception {
        String image = file("bits.qcow2");
        run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M");
        run("qemu-img", "bitmap", "--add", image, "theirs");
        cli.ok("image", "bitmap", "add", image, "ours", "--granularity", "1M");
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 1M 64k", image);
        String block = cli.attach(cli.path("bits.qcow2"), "--name", "d");
        assertThat(Commands.run(Cli.LIMIT, "qemu-img", "info", "-U", image)).contains("in-use");
        Cli.random(block, 20, 2);
        cli.ok("detach", "d");
        assertThat(Commands.run(Cli.LIMIT, "qemu-img", "info", image)).doesNotContain("in-use");
        assertThat(dirty(image, "theirs")).isEqualTo("1048576+65536 20971520+2097152");
        assertThat(dirty(image, "ours")).isEqualTo("1048576+1048576 20971520+2097152");
        assertThat(cli.ok("image", "bitmap", "list", image).out())
                .contains("theirs")
                .contains("ours");
        cli.ok("image", "bitmap", "remove", image, "theirs");
        cli.ok("image", "bitmap", "remove", image, "ours");
        run("qemu-img", "check", "-q", image);
        assertThat(Commands.run(Cli.LIMIT, "qemu-img", "info", image)).doesNotContain("bitmaps:");
        cli.refused(2, "has no bitmap", "image", "bitmap", "remove", image, "ours");
    }

    /** What qemu says is dirty. */
    private String dirty(String image, String bitmap) throws Exception {
        String script = "qemu-nbd -r -t -k $0.sock -f qcow2 -B $1 $0 & p=$!;"
                + " for i in $(seq 100); do [ -S $0.sock ] && break; sleep 0.05; done;"
                + " nbdinfo --map=qemu:dirty-bitmap:$1 \"nbd+unix:///?socket=$0.sock\""
                + " | awk '$3 == 1 {printf \"%s%s+%s\", n++ ? \" \" : \"\", $1, $2}'; kill $p; wait $p 2>/dev/null; true";
        return Commands.run(Cli.LIMIT, "sh", "-c", script, image, bitmap).strip();
    }
}
