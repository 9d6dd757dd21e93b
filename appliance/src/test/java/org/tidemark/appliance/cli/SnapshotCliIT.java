package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** {@code tidemark snapshot}: on files, on an attached device, and mounted beside it. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"})
@Timeout(240)
class SnapshotCliIT {
    private static final String NOBODY = "{00000000-1111-2222-3333-444444444444}";

    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("snapshot-cli-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Map<String, Object> json(String... command) throws Exception {
        String[] line = java.util.Arrays.copyOf(command, command.length + 1);
        line[command.length] = "--json";
        return JSON.std.mapFrom(cli.ok(line).out());
    }

    private String snapshot(String image) throws Exception {
        return (String) json("snapshot", "create", image).get("snapshot");
    }

    private List<String> levels(String image) throws Exception {
        return JSON.std.listFrom(cli.ok("snapshot", "list", image, "--json").out()).stream()
                .map(row -> (String) ((Map<?, ?>) row).get("snapshot"))
                .toList();
    }

    @Test
    void onFiles() throws Exception {
        String image = cli.path("image").toString();
        cli.ok("image", "create", image, "--size", "64M");
        String first = snapshot(image);
        String second = snapshot(image);
        String third = snapshot(image);
        assertThat(levels(image)).hasSize(4).contains(first, second, third);
        assertThat(cli.ok("snapshot", "list", image).out())
                .contains("toBeMerged")
                .contains(first);
        // Without braces and in capitals, as people paste them.
        String pasted = second.substring(1, second.length() - 1).toUpperCase(java.util.Locale.ROOT);
        assertThat(json("snapshot", "delete", image, pasted).get("outcome").toString())
                .startsWith("merged");
        assertThat(levels(image)).doesNotContain(second);
        cli.ok("snapshot", "switch", image, first);
        assertThat(json("snapshot", "delete", image, third).get("outcome")).isEqualTo("removed");
        cli.refused(2, "the base", "snapshot", "merge", image, first);
        cli.refused(2, "which snapshot", "snapshot", "merge", image);
        cli.refused(2, "which snapshot", "snapshot", "merge", image, first, "--all");
        cli.refused(3, "no snapshot", "snapshot", "delete", image, NOBODY);
        cli.refused(3, "no such image", "snapshot", "list", cli.path("nothing").toString());
        cli.refused(2, "written to", "snapshot", "delete", image, "{5fbaabe3-6958-40ff-92a7-860e329aab41}");
        assertThat(json("snapshot", "merge", image, "--all").get("levelsMerged"))
                .isEqualTo(1);
        assertThat(levels(image)).hasSize(1);
        cli.ok("image", "check", image);
    }

    @Test
    void aSingleFileBecomesAFolder() throws Exception {
        String image = cli.path("disk.raw").toString();
        cli.ok("image", "create", image, "--size", "65M", "--format", "raw");
        String other = cli.path("other.raw").toString();
        cli.ok("image", "create", other, "--size", "65M", "--format", "raw");
        cli.ok("attach", other);
        assertThat(json("snapshot", "create", other).get("notice").toString()).contains("folder");
        assertThat(Path.of(other)).isDirectory();
        cli.ok("detach", other);
        assertThat(levels(other)).hasSize(2);
        assertThat(Path.of(image)).isRegularFile();
        Map<String, Object> made = json("snapshot", "create", image);
        assertThat(made.get("notice").toString()).contains("folder");
        assertThat(Path.of(image)).isDirectory();
        assertThat(levels(image)).hasSize(2).contains(made.get("snapshot").toString());
        cli.ok("attach", image);
        String second = snapshot(image);
        cli.ok("detach", image);
        cli.ok("snapshot", "delete", image, second);
        cli.ok("image", "check", image);
        Files.delete(Path.of(image, "DiskDescriptor.xml"));
        cli.refused(5, "without a DiskDescriptor.xml", "image", "info", image);
        assertThat(json("image", "restore-descriptor", image, "disk.raw").get("clusterBytes"))
                .isEqualTo(1 << 20);
        cli.refused(4, "exists already", "image", "restore-descriptor", image, "disk.raw");
        cli.ok("image", "info", image);
    }

    @Test
    void onAnAttachedDevice() throws Exception {
        String image = cli.path("image").toString();
        cli.ok("image", "create", image, "--size", "128M", "--fs", "ext4");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("attach", image, "--mount", mount.toString(), "--name", "d");
        Files.writeString(mount.resolve("word"), "one");
        Map<String, Object> made = json("snapshot", "create", mount.toString());
        assertThat(made.get("grade")).isEqualTo("filesystem");
        String first = (String) made.get("snapshot");
        Files.writeString(mount.resolve("word"), "two");
        String second = snapshot("d");
        Files.writeString(mount.resolve("word"), "three");
        assertThat(levels("d")).hasSize(3);

        Path beside = Files.createDirectory(cli.path("beside"));
        json("snapshot", "mount", "d", first, beside.toString());
        assertThat(beside.resolve("word")).hasContent("one");
        assertThat(mount.resolve("word")).hasContent("three");
        assertThat(cli.ok("devices", "--json").out()).contains(first);
        cli.refused(4, "unmount", "snapshot", "delete", image, first);
        cli.refused(4, "attached", "snapshot", "switch", image, first);
        cli.ok("snapshot", "umount", beside.toString());
        cli.refused(3, "no snapshot is mounted", "snapshot", "umount", beside.toString());

        assertThat(json("snapshot", "delete", image, first).get("outcome").toString())
                .startsWith("merged");
        json("snapshot", "mount", image, second, beside.toString());
        assertThat(beside.resolve("word")).hasContent("two");
        cli.ok("snapshot", "umount", second);
        assertThat(json("snapshot", "merge", "d", "--all").get("levelsMerged")).isEqualTo(1);
        assertThat(mount.resolve("word")).hasContent("three");
        cli.ok("detach", "d");
        cli.ok("image", "check", image);
    }

    @Test
    void overRest() throws Exception {
        String image = cli.path("image").toString();
        cli.ok("image", "create", image, "--size", "128M", "--fs", "ext4");
        ApplianceClient client = cli.client();
        String closed =
                client.post("/snapshots", ApplianceClient.body("image", image)).text("id");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("attach", image, "--mount", mount.toString(), "--name", "d");
        Files.writeString(mount.resolve("word"), "kept");
        String attached =
                client.post("/snapshots", ApplianceClient.body("image", image)).text("id");
        String list = ApiPath.query("/snapshots", "image", image);
        assertThat(client.list(list)).extracting(one -> one.text("id")).contains(closed, attached);
        assertThat(client.list(list)).extracting(one -> one.flag("toBeMerged")).containsOnly(false);
        Answer job = deleted(client, closed, image);
        assertThat(job.object("result").text("outcome")).isEqualTo("merged");
        assertThat(job.object("request").text("image")).isEqualTo(image);
        assertThat(client.list(list))
                .extracting(one -> one.text("id"))
                .doesNotContain(closed)
                .contains(attached);
        assertThatThrownBy(() ->
                        client.post(ApiPath.of("snapshots", attached, "switch"), ApplianceClient.body("image", image)))
                .hasMessageContaining("attached");
        assertThatThrownBy(() -> client.delete(ApiPath.query(ApiPath.of("snapshots", NOBODY), "image", image)))
                .hasMessageContaining("no snapshot");
        deleted(client, attached, image);
        assertThat(client.list(list)).hasSize(1);
        assertThat(mount.resolve("word")).hasContent("kept");
        cli.ok("detach", "d");
        cli.ok("image", "check", image);
        clonesOf(image, client, mount);
    }

    /** Several by one command, one over REST: each begins with the template's content and keeps what it writes to itself. */
    private void clonesOf(String image, ApplianceClient client, Path mount) throws Exception {
        List<String> clones = Stream.of("one", "two", "three")
                .map(name -> cli.path(name).toString())
                .toList();
        assertThat(cli.ok("image", "clone", image, clones.get(0), clones.get(1), "--json")
                        .out())
                .contains(clones.get(0), clones.get(1), "\"levels\":2");
        Map<String, Object> wanted = ApplianceClient.body("image", clones.get(2), "template", image);
        assertThat(client.post("/images", wanted).number("levels")).isEqualTo(2);
        assertThatThrownBy(() -> client.post("/images", wanted)).hasMessageContaining("exists already");
        assertThatThrownBy(() -> client.post("/images", ApplianceClient.body("image", "four", "template", image)))
                .hasMessageContaining("absolute path");
        for (String clone : clones) {
            cli.ok("attach", clone, "--mount", mount.toString(), "--name", "clone");
            assertThat(mount.resolve("word")).hasContent("kept");
            Files.writeString(mount.resolve("word"), clone);
            cli.ok("detach", "clone");
        }
        cli.ok("image", "check", image);
    }

    @Test
    void allImagesOfAContainerGetASnapshotAtOneInstantOrNoneDoes() throws Exception {
        String mounted = cli.path("mounted").toString();
        String file = cli.path("file.raw").toString();
        String closed = cli.path("closed").toString();
        cli.ok("image", "create", mounted, "--size", "128M", "--fs", "ext4");
        cli.ok("image", "create", file, "--size", "64M", "--format", "raw", "--no-partition");
        cli.ok("image", "create", closed, "--size", "64M");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("attach", mounted, "--mount", mount.toString(), "--name", "d");
        String block = cli.attach(Path.of(file), "--name", "raw");
        Cli.random(block, 0, 8);
        String content = Cli.checksum(Path.of(block));
        ApplianceClient client = cli.client();
        Answer grown = client.post(
                ApiPath.of("devices", "raw", "resize"),
                ApplianceClient.body("sizeBytes", 80L << 20, "fileSystem", false));
        assertThat(grown.number("sizeBytes")).isEqualTo(80L << 20);
        assertThat(Commands.run(Cli.LIMIT, "blockdev", "--getsize64", block).strip())
                .isEqualTo(Long.toString(80L << 20));
        assertThat(Files.size(Path.of(file))).isEqualTo(80L << 20);
        assertThat(Commands.run(Cli.LIMIT, "sh", "-c", "head -c 64M " + block + " | sha256sum"))
                .startsWith(content);
        assertThatThrownBy(() -> client.post(
                        ApiPath.of("devices", "raw", "resize"), ApplianceClient.body("sizeBytes", 1L << 20)))
                .hasMessageContaining("only be made larger");

        cli.ok("container", "add", "web", "--image", mounted, "--image", "b=" + file, "--image", "c=" + closed);
        Answer made = client.post(ApiPath.of("containers", "web", "snapshots"), ApplianceClient.body());
        assertThat(made.text("notice")).contains("file.raw");
        assertThat(made.texts("images")).containsExactlyInAnyOrder(mounted, file, closed);
        String byCommand =
                json("snapshot", "create", "--container", "web").get("snapshot").toString();
        String byImages =
                json("snapshot", "create", mounted, closed).get("snapshot").toString();
        for (String image : List.of(mounted, file, closed)) {
            assertThat(levels(image)).contains(made.text("id"), byCommand);
        }
        assertThat(levels(mounted)).contains(byImages);
        assertThat(levels(file)).doesNotContain(byImages);

        String odd = cli.path("odd.raw").toString();
        Commands.run(Cli.LIMIT, "truncate", "-s", "98816", odd);
        List<String> before = levels(closed);
        cli.refused(1, "resize", "snapshot", "create", mounted, closed, odd);
        assertThat(levels(closed)).isEqualTo(before);
        assertThat(levels(mounted)).hasSize(4);
        cli.refused(2, "one or more", "snapshot", "create");
        cli.ok("detach", "raw");
        cli.ok("detach", "d");
        for (String image : List.of(mounted, file, closed)) {
            cli.ok("image", "check", image);
        }
    }

    private static Answer deleted(ApplianceClient client, String guid, String image) throws IOException {
        Answer job = client.delete(ApiPath.query(ApiPath.of("snapshots", guid), "image", image));
        return ApplianceClient.demandSuccess(client.watch(job.text("id"), state -> {}));
    }

    /** Not frozen at its instant: the journal is replayed, and not in the snapshot. */
    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void aCrashGradeSnapshotIsMountedBesideItsOrigin(String type) throws Exception {
        String image = cli.path("image").toString();
        cli.ok("image", "create", image, "--size", "512M", "--fs", type);
        Path mount = Files.createDirectory(cli.path("mnt"));
        String block = (String) json("attach", image, "--name", "d").get("blockDevice");
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        Files.writeString(mount.resolve("word"), "synced");
        Commands.run(Cli.LIMIT, "sync", "-f", mount.toString());
        Files.writeString(mount.resolve("word"), "perhaps");
        org.tidemark.ploop.server.RunFolder run =
                org.tidemark.ploop.server.RunFolder.at(cli.appliance().run());
        String guid;
        try (org.tidemark.ploop.server.ControlClient client =
                org.tidemark.ploop.server.ControlClient.connect(run, Cli.LIMIT)) {
            guid = client.request("snapshot.create", org.tidemark.ploop.server.Fields.of("device", "d"), Cli.LIMIT)
                    .text("snapshot");
        }
        String before = fileSums(image);
        Path beside = Files.createDirectory(cli.path("beside"));
        if (type.equals("btrfs")) {
            cli.refused(4, "take one for the other", "snapshot", "mount", "d", guid, beside.toString());
            Commands.run(Cli.LIMIT, "umount", mount.toString());
            json("snapshot", "mount", "d", guid, beside.toString());
        } else {
            json("snapshot", "mount", "d", guid, beside.toString());
        }
        assertThat(Files.readString(beside.resolve("word"))).isIn("synced", "perhaps", "");
        cli.ok("snapshot", "umount", beside.toString());
        assertThat(fileSums(image)).as("sealed files").isEqualTo(before);
        if (!type.equals("btrfs")) {
            Commands.run(Cli.LIMIT, "umount", mount.toString());
        }
        cli.ok("detach", "d");
    }

    /** Of the base, which is sealed now. */
    private static String fileSums(String image) throws Exception {
        return Commands.run(Cli.LIMIT, "sha256sum", image + "/root.hds");
    }
}
