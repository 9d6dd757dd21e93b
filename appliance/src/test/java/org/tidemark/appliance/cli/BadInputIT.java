package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Things that vanish, collide or are taken for others: a sentence, the right exit code, and nothing changes. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "setpriv"})
@Timeout(180)
class BadInputIT {
    private Cli cli;
    private Path image;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("bad-input-");
        image = cli.path("image");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private String attachedContainer() throws Exception {
        cli.ok("image", "create", image.toString(), "--size", "256M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 16);
        cli.protect("c", image, cli.path("target"));
        return block;
    }

    private int points() throws Exception {
        return cli.ok("points", "c", "--json").jsonRows().size();
    }

    @Test
    void aFileSystemUnmountedBehindOurBack() throws Exception {
        cli.ok("image", "create", image.toString(), "--size", "256M", "--fs", "ext4");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.attach(image, "--name", "d", "--mount", mount.toString());
        cli.protect("c", image, cli.path("target"));
        assertThat(cli.ok("backup", "c", "--json").json()).containsEntry("grade", "filesystem");
        Commands.run(Cli.LIMIT, "umount", mount.toString());
        Cli.Result backup = cli.ok("backup", "c", "--json");
        assertThat(backup.json()).containsEntry("grade", "crash");
        assertThat(backup.err()).contains("no mounted file system");
        cli.ok("detach", "d");
        cli.ok("image", "check", image.toString());
    }

    @Test
    void anImageRemovedBehindOurBack() throws Exception {
        attachedContainer();
        cli.ok("backup", "c");
        String before = Cli.checksum(cli.path("target"));
        Commands.run(Cli.LIMIT, "rm", "-r", image.toString());
        cli.refused(3, "image", "backup", "c");
        assertThat(points()).isEqualTo(1);
        assertThat(Cli.checksum(cli.path("target"))).isEqualTo(before);
        Cli.Result detached = cli.run("detach", "d");
        System.out.println(
                "detach: exit " + detached.exitCode() + " " + detached.err().strip());
        assertThat(detached.err()).doesNotContain("\tat ").doesNotContain("Exception");
        assertThat(cli.ok("devices", "--json").jsonRows()).isEmpty();
        cli.refused(3, "image", "backup", "c");
        cli.ok("restore", "c", "--to", image.toString());
        cli.attach(image, "--name", "d");
        cli.ok("detach", "d");
        Cli.Result again = cli.ok("backup", "c", "--json");
        assertThat(again.err()).contains("everything is read");
    }

    @Test
    void twoBackupsOfOneContainerGoOneAfterTheOther() throws Exception {
        String block = attachedContainer();
        Cli.random(block, 16, 200);
        List<Cli.Running> both = new ArrayList<>(List.of(cli.begin("backup", "c"), cli.begin("backup", "c")));
        for (Cli.Running one : both) {
            Cli.Result result = one.await();
            assertThat(result.exitCode()).as(result.err()).isZero();
        }
        assertThat(points()).isEqualTo(2);
        List<Map<?, ?>> points = new ArrayList<>();
        cli.ok("points", "c", "--json").jsonRows().forEach(row -> points.add((Map<?, ?>) row));
        assertThat(points.get(0).get("mode")).isEqualTo("incremental");
        assertThat(points.get(1).get("mode")).isEqualTo("full");
        cli.ok("verify", "c");
        cli.ok("detach", "d");
    }

    @Test
    void aRepositoryThatIsAnotherOne() throws Exception {
        String block = attachedContainer();
        cli.ok("backup", "c");
        cli.ok("target", "add", "other", cli.path("target2").toString());
        Files.move(cli.path("target"), cli.path("target.away"));
        Files.move(cli.path("target2"), cli.path("target"));
        String before = Cli.checksum(cli.path("target"));
        for (String verb : List.of("backup c", "verify c", "restore c --to " + cli.path("restored"))) {
            Cli.Result result = cli.run((verb + " --target t-c").split(" "));
            // The appliance has the right one open and finds it gone; asked again, it finds another one there.
            assertThat(result.exitCode()).as(result.err()).isIn(4, 7);
            Cli.refused(result, result.exitCode(), "target");
        }
        assertThat(cli.ok("points", "c", "--target", "t-c", "--json").jsonRows())
                .as("what is known")
                .hasSize(1);
        assertThat(Cli.checksum(cli.path("target"))).isEqualTo(before);
        assertThat(cli.path("restored")).doesNotExist();
        Files.move(cli.path("target"), cli.path("target2"));
        cli.refused(7, "target", "backup", "c", "--target", "t-c");
        assertThat(cli.path("target")).doesNotExist();
        Files.createDirectory(cli.path("target"));
        cli.refused(7, "target", "backup", "c", "--target", "t-c");
        assertThat(cli.path("target")).isEmptyDirectory();
        Files.delete(cli.path("target"));
        Files.move(cli.path("target.away"), cli.path("target"));
        Cli.random(block, 3, 1);
        cli.ok("backup", "c", "--target", "t-c");
        cli.ok("verify", "c", "--target", "t-c");
        cli.ok("detach", "d");
    }

    @Test
    void namesThatAreNotKnown() throws Exception {
        attachedContainer();
        cli.refused(3, "nobody", "backup", "nobody");
        cli.refused(3, "nowhere", "backup", "c", "--target", "nowhere");
        cli.refused(3, "no", "restore", "c", "--to", cli.path("r").toString());
        cli.ok("backup", "c");
        cli.refused(
                3, "zzz", "restore", "c", "--at", "zzz", "--to", cli.path("r").toString());
        cli.refused(
                3,
                "1999",
                "restore",
                "c",
                "--at",
                "1999-01-01T00:00:00Z",
                "--to",
                cli.path("r").toString());
        cli.refused(4, "exists already", "container", "add", "c", "--image", image.toString());
        cli.refused(
                4, "exists already", "target", "add", "t-c", cli.path("target").toString());
        cli.refused(2, "name", "container", "add", "../c", "--image", image.toString());
        Cli.Result usage = cli.run("backup");
        assertThat(usage.exitCode()).as(usage.err()).isEqualTo(2);
        assertThat(cli.run("no-such-verb").exitCode()).isEqualTo(2);
        assertThat(cli.path("r")).doesNotExist();
        cli.ok("detach", "d");
    }

    @Test
    void aHostThatCannotAttach() throws Exception {
        cli.ok("doctor", "--json");
        List<String> line = new ArrayList<>(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
        line.addAll(readableByAll(Cli.command("demo")));
        Cli.Result demo = cli.begin(line).await();
        System.out.println(demo.err());
        assertThat(demo.exitCode()).as(demo.out() + demo.err()).isEqualTo(1);
        assertThat(demo.err()).contains("root").contains("run it as root").doesNotContain("Exception");
        Cli.Result hidden = withoutDevices("demo");
        assertThat(hidden.exitCode()).as(hidden.out() + hidden.err()).isEqualTo(1);
        assertThat(hidden.err())
                .contains("FUSE")
                .contains("modprobe fuse")
                .contains("loop devices")
                .contains("modprobe loop")
                .doesNotContain("Exception");
        assertThat(withoutDevices("doctor").exitCode()).isEqualTo(1);
    }

    /** The same command with a copy of its class path that does not lie in somebody's home. */
    private List<String> readableByAll(List<String> command) throws Exception {
        int at = command.indexOf("-cp") + 1;
        List<String> copies = new ArrayList<>();
        for (String entry : command.get(at).split(File.pathSeparator, -1)) {
            Path copy = cli.path("lib" + copies.size() + (entry.endsWith(".jar") ? ".jar" : ""));
            if (!entry.isEmpty() && Files.exists(Path.of(entry))) {
                Commands.run(Cli.LIMIT, "cp", "-r", entry, copy.toString());
                copies.add(copy.toString());
            }
        }
        Commands.run(Cli.LIMIT, "chmod", "-R", "a+rX", cli.folder().toString());
        List<String> line = new ArrayList<>(command);
        line.set(at, String.join(File.pathSeparator, copies));
        return line;
    }

    /** With a /dev that has neither FUSE nor loop devices, in a mount namespace of its own. */
    private Cli.Result withoutDevices(String verb) throws Exception {
        Path dev = Files.createDirectories(cli.path("dev"));
        String script = String.join(
                " && ",
                // A new namespace has copies of what the tests beside this one have mounted.
                "grep '^/dev/loop' /proc/mounts | cut -d' ' -f2 | xargs -r umount -l",
                "mount -t tmpfs none " + dev,
                "cp -a /dev/null /dev/zero /dev/random /dev/urandom " + dev,
                "mkdir " + dev.resolve("shm"),
                "mount --rbind /dev/shm " + dev.resolve("shm"),
                "mount --rbind " + dev + " /dev",
                "exec \"$@\"");
        List<String> line =
                new ArrayList<>(List.of("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"));
        line.addAll(Cli.command(verb));
        return cli.begin(line).await();
    }
}
