package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** What is done to images by their path is done by their address on a real NFS server, too. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "nbdinfo", "nbdcopy", "qemu-io", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(180)
class NfsVerbsIT {
    private static final String WORD = "nfs-verbs-";
    private static final long SIZE = 48L << 20;

    private static NfsServerProcess nfs;
    private static Cli cli;

    @BeforeAll
    static void start() throws Exception {
        nfs = NfsServerProcess.start();
        cli = Cli.start(WORD);
    }

    @AfterAll
    static void stop() throws Exception {
        cli.close();
        nfs.close();
    }

    /** Whatever a test that failed left attached is in nobody's way. */
    @AfterEach
    void detachAll() throws Exception {
        cli.run("detach", "--all", "--limit", "5");
    }

    private static String place(String name) {
        return "nfs://" + nfs.address() + nfs.export() + "/" + name;
    }

    private static String newImage(String name, String... more) throws Exception {
        List<String> line = new ArrayList<>(List.of("image", "create", place(name)));
        line.addAll(List.of(more));
        cli.ok(line.toArray(String[]::new));
        return place(name);
    }

    private static String attach(String image, String... more) throws Exception {
        List<String> line = new ArrayList<>(List.of("attach", image, "--json"));
        line.addAll(List.of(more));
        return String.valueOf(cli.ok(line.toArray(String[]::new)).json().get("blockDevice"));
    }

    private static String snapshot(String image) throws Exception {
        return String.valueOf(
                cli.ok("snapshot", "create", image, "--json").json().get("snapshot"));
    }

    private static String run(String... command) throws Exception {
        return Commands.run(Cli.LIMIT, command);
    }

    private static String sum(Object file) throws Exception {
        return run("sha256sum", file.toString()).split(" ")[0];
    }

    private static String export(String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("export", "add", "--json"));
        line.addAll(List.of(words));
        return String.valueOf(cli.ok(line.toArray(String[]::new)).json().get("localUri"));
    }

    /** What an NBD client reads. */
    private static String sumOverNbd(String uri) throws Exception {
        Path copy = cli.path("copy");
        Files.deleteIfExists(copy);
        run("nbdcopy", uri, copy.toString());
        return sum(copy);
    }

    @Test
    void devicesInstantsAndSnapshotsAreExportedAndMergesKeepEveryByte() throws Exception {
        String image = newImage("chain", "--size", "48M", "--no-partition");
        String block = attach(image, "--name", "chain");
        Cli.random(block, 0, 6);
        String first = snapshot("chain");
        String atFirst = sum(block);
        Cli.random(block, 4, 4);
        String second = snapshot(image);
        Cli.random(block, 20, 3);
        String now = sum(block);

        String device = export("--device", "chain");
        String instant = export("--instant", "chain", "--consumer", "reader");
        String level = export("--snapshot", first, "--image", image);
        for (String uri : List.of(device, instant, level)) {
            assertThat(run("nbdinfo", uri)).contains("export-size: " + SIZE).contains("is_read_only: true");
        }
        Cli.random(block, 30, 2);
        String later = sum(block);
        assertThat(later).isNotEqualTo(now);
        assertThat(sumOverNbd(device)).as("as it is at each moment").isEqualTo(later);
        assertThat(sumOverNbd(instant)).as("as it was").isEqualTo(now);
        assertThat(sumOverNbd(level)).as("as it was frozen").isEqualTo(atFirst);
        cli.refused(4, "snapshot above it is mounted", "snapshot", "merge", image, second);
        for (Object one : cli.ok("export", "list", "--json").jsonRows()) {
            cli.ok("export", "remove", String.valueOf(((Map<?, ?>) one).get("exportId")));
        }

        cli.ok("snapshot", "merge", "chain", second);
        assertThat(sum(block)).as("merged under the device").isEqualTo(later);
        cli.ok("detach", "chain");
        snapshot(image);
        assertThat(cli.ok("snapshot", "merge", image, "--all", "--json").json()).containsEntry("levelsMerged", 2);
        assertThat(cli.ok("snapshot", "list", image, "--json").jsonRows()).hasSize(1);
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
        assertThat(sum(attach(image, "--name", "chain", "--read-only")))
                .as("merged as files")
                .isEqualTo(later);
        cli.ok("detach", "chain");
        assertThat(leftBeside("chain")).as("of levels, overlays and locks").isEmpty();
        thereAndBack(image, later);
    }

    private static void thereAndBack(String image, String content) throws Exception {
        Path here = cli.path("here.raw");
        cli.ok("image", "convert", image, here.toString(), "--to", "raw");
        assertThat(sum(here)).isEqualTo(content);
        String copy = place("copy");
        cli.ok("image", "convert", here.toString(), copy, "--to", "expanded");
        assertThat(sum(attach(copy, "--name", "copy", "--read-only"))).isEqualTo(content);
        cli.ok("detach", "copy");
        cli.refused(4, "exists already", "image", "convert", here.toString(), copy, "--to", "expanded");
        cli.refused(1, "only a folder", "image", "convert", image, place("q"), "--to", "qcow2");
        cli.refused(1, "in place", "image", "convert", image, "--in-place", "--format-version", "1");
    }

    /** Files that the image does not need. The newest record of a lock stays as long as its file. */
    private static List<String> leftBeside(String image) throws IOException {
        try (Stream<Path> files = Files.list(nfs.export().resolve(image))) {
            return files.map(one -> one.getFileName().toString())
                    .filter(name -> !name.startsWith(".tidemark-nfs-owner-"))
                    .filter(name -> !name.startsWith("DiskDescriptor.xml") && !name.equals("root.hds"))
                    .filter(name -> !name.contains("tracker") && !name.contains("cbt"))
                    .toList();
        }
    }

    @Test
    void aSnapshotIsMountedBesideItsImageAndItsDeviceServerMayDie() throws Exception {
        String image = newImage("mounted", "--size", "48M", "--fs", "ext4");
        Path mount = Files.createDirectory(cli.path("mnt"));
        Path then = Files.createDirectory(cli.path("then"));
        attach(image, "--name", "mounted", "--mount", mount.toString());
        Cli.random(mount.resolve("file"), 0, 4);
        String before = sum(mount.resolve("file"));
        String guid = snapshot("mounted");
        Cli.random(mount.resolve("file"), 0, 4);
        cli.ok("snapshot", "mount", image, guid, then.toString());
        assertThat(sum(then.resolve("file"))).isEqualTo(before);
        OwnServerProcesses.of(cli.path("run"), image).endServer(org.tidemark.ploop.os.Processes.KILL);
        run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
        assertThat(sum(then.resolve("file"))).as("by the successor").isEqualTo(before);
        assertThat(sum(mount.resolve("file"))).isNotEqualTo(before);
        cli.ok("snapshot", "umount", then.toString());
        cli.ok("detach", "mounted");
        cli.ok("snapshot", "mount", image, guid, then.toString());
        assertThat(sum(then.resolve("file")))
                .as("nobody has the image attached")
                .isEqualTo(before);
        cli.ok("snapshot", "umount", then.toString());
        cli.ok("snapshot", "delete", image, guid);
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
        assertThat(leftBeside("mounted")).isEmpty();
    }

    @Test
    void damageIsRepairedAndPutBackOnTheServer() throws Exception {
        String image = newImage("damaged", "--size", "64M", "--no-partition");
        Path delta = nfs.export().resolve("damaged/root.hds");
        word(delta, 64 + 4 * 40, 1);
        word(delta, 64 + 4 * 41, 1000);
        String before = sum(delta);
        Cli.Result found = cli.run("image", "check", image, "--json");
        assertThat(found.exitCode()).isEqualTo(ExitCodes.DAMAGED);
        assertThat(found.jsonRows()).hasSize(2);
        assertThat(sum(delta)).as("only looking").isEqualTo(before);
        repair(image);
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
        cli.ok("image", "check", "--undo", image + "/root.hds.undo-1");
        assertThat(sum(delta)).as("put back").isEqualTo(before);
        repair(image);

        String block = attach(image, "--name", "damaged");
        Cli.random(block, 0, 8);
        String content = sum(block);
        word(delta, 64 + 4 * 300, 7);
        repair(image);
        assertThat(sum(block)).as("repaired under its device").isEqualTo(content);
        cli.ok("detach", "damaged");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }

    private static void word(Path file, long offset, int value) throws IOException {
        try (RandomAccessFile words = new RandomAccessFile(file.toFile(), "rw")) {
            words.seek(offset);
            words.writeInt(Integer.reverseBytes(value));
        }
    }

    private static void repair(String image) throws Exception {
        Map<String, Object> repaired =
                cli.ok("image", "check", image, "--repair", "--json").json();
        assertThat((List<?>) repaired.get("found")).isNotEmpty();
        assertThat((List<?>) repaired.get("left")).isEmpty();
        assertThat((List<?>) repaired.get("undoFiles")).hasSize(1);
    }
}
