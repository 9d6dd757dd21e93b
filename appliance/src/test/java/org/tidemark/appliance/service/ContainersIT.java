package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.testing.Requires;

/** How a container becomes known: by its images, by where it is mounted, by what a real runc says of it. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "runc", "busybox"})
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContainersIT {
    private Cli cli;
    private ApplianceClient api;
    private Path image;
    private Path mount;
    private Answer device;

    @BeforeAll
    void start() throws Exception {
        cli = Cli.start("containers-");
        image = cli.path("image");
        mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        api = cli.client();
        device = api.post("/devices", body("image", image.toString(), "mount", mount.toString()));
        api.post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", cli.path("target"))));
    }

    @AfterAll
    void stop() throws IOException {
        cli.close();
    }

    @AfterEach
    void forget() throws IOException {
        for (Answer one : api.list("/containers")) {
            api.delete("/containers/" + one.text("name"));
        }
    }

    private static void refused(FailureKind kind, String words, Call call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        ApplianceException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words)
                .hasMessageNotContaining("Exception");
    }

    private interface Call {
        void run() throws Exception;
    }

    private void isTheDevice(Answer container) {
        assertThat(container.objects("images")).singleElement().satisfies(one -> {
            assertThat(one.text("path")).isEqualTo(image.toString());
            assertThat(one.text("format")).isEqualTo("expanded");
            assertThat(one.number("sizeBytes")).isEqualTo(512L << 20);
            assertThat(one.flag("attached")).isTrue();
            assertThat(one.text("deviceId")).isEqualTo(device.text("deviceId"));
            assertThat(one.text("blockDevice")).isEqualTo(device.text("blockDevice"));
            assertThat(one.text("mountPoint")).isEqualTo(mount.toString());
            assertThat(one.text("fileSystem")).isEqualTo("ext4");
        });
    }

    private Map<String, Object> runc(RuncContainer container) {
        return body("id", container.id(), "root", container.root().toString());
    }

    @Test
    void byItsImage() throws Exception {
        isTheDevice(api.post("/containers", body("name", "c", "images", List.of(body("path", image.toString())))));
        Answer read = api.get("/containers/c");
        isTheDevice(read);
        assertThat(read.object("runtime").text("kind")).isEqualTo("IMAGE");
        assertThat(read.objects("images").get(0).text("id")).isEqualTo("root");
    }

    @Test
    void byWhereItIsMountedOrAFolderInIt() throws Exception {
        Path below = Files.createDirectories(mount.resolve("var/lib"));
        for (Path where : List.of(mount, below)) {
            Answer made = api.post("/containers", body("name", "c", "mount", where.toString()));
            isTheDevice(made);
            assertThat(made.object("runtime").text("kind")).isEqualTo("MOUNT");
            api.delete("/containers/c");
        }
    }

    @Test
    void byARuncContainerWhichRunsOnWhileItIsBackedUp() throws Exception {
        try (RuncContainer container = RuncContainer.start(
                cli.folder(),
                "tidemark-web",
                mount,
                "i=0; while true; do i=$((i+1)); echo $i > /data/count; sync; /bin/busybox usleep 20000; done")) {
            Answer made = api.post("/containers", body("name", "web", "runc", runc(container)));
            isTheDevice(made);
            Answer runtime = made.object("runtime");
            assertThat(runtime.text("kind")).isEqualTo("RUNC");
            assertThat(runtime.text("id")).isEqualTo(container.id());
            assertThat(Path.of(runtime.text("cgroup"))).isDirectory();
            Path count = mount.resolve("data/count");
            Cli.await(
                    "the container counts",
                    () -> Files.exists(count) && !Files.readString(count).isBlank());
            long before = number(count);
            Answer backup =
                    ApplianceClient.demandSuccess(api.run(body("kind", "BACKUP", "container", "web", "target", "t")));
            assertThat(backup.object("result").text("grade")).isEqualTo("FILESYSTEM");
            assertThat(container.status()).isEqualTo("running");
            Cli.await("the container counts on", () -> number(count) > before + 5);

            // A container that is no longer known keeps its points, and they restore.
            container.close();
            api.delete("/containers/web");
            assertThat(api.list("/containers/web/points?target=t")).hasSize(1);
            Path restored = cli.path("restored");
            ApplianceClient.demandSuccess(api.run(body(
                    "kind",
                    "RESTORE",
                    "container",
                    "web",
                    "target",
                    "t",
                    "point",
                    "latest",
                    "destination",
                    restored.toString())));
            Path where = Files.createDirectory(cli.path("mnt-restored"));
            Answer attached = api.post("/devices", body("image", restored.toString(), "mount", where.toString()));
            assertThat(Files.mismatch(where.resolve("bin/busybox"), mount.resolve("bin/busybox")))
                    .isEqualTo(-1);
            assertThat(number(where.resolve("data/count"))).isBetween(before, number(count));
            api.delete("/devices/" + attached.text("deviceId"));
        }
    }

    private static long number(Path file) throws IOException {
        String text = Files.readString(file).strip();
        return text.isEmpty() ? 0 : Long.parseLong(text);
    }

    @Test
    void whatCannotBeARuncContainerIsRefusedWithTheReason() throws Exception {
        refused(
                FailureKind.NOT_FOUND,
                "runc knows no container 'nobody'",
                () -> api.post("/containers", body("name", "x", "runc", body("id", "nobody", "root", cli.folder()))));
        for (String id : List.of("../etc", "a/b", "", "-x")) {
            refused(
                    FailureKind.USAGE,
                    "cannot be the id of a runc container",
                    () -> api.post("/containers", body("name", "x", "runc", body("id", id))));
        }
        Path elsewhere = Files.createDirectories(cli.path("plain-rootfs"));
        try (RuncContainer container = RuncContainer.start(cli.folder(), "tidemark-plain", elsewhere, "sleep 100")) {
            refused(
                    FailureKind.USAGE,
                    "no device of Tidemark",
                    () -> api.post("/containers", body("name", "x", "runc", runc(container))));
        }
        assertThat(api.list("/containers")).isEmpty();
    }

    @Test
    void whatIsNoImageAndNoMountIsRefusedWithTheReason() throws Exception {
        refused(
                FailureKind.NOT_FOUND,
                "there is no such image",
                () -> api.post("/containers", body("name", "x", "images", List.of(body("path", "/nowhere/at/all")))));
        refused(
                FailureKind.USAGE,
                "must be absolute",
                () -> api.post("/containers", body("name", "x", "images", List.of(body("path", "image")))));
        refused(
                FailureKind.NOT_FOUND,
                "there is no such folder",
                () -> api.post("/containers", body("name", "x", "mount", "/nowhere/at/all")));
        refused(
                FailureKind.USAGE,
                "no device of Tidemark",
                () -> api.post(
                        "/containers", body("name", "x", "mount", cli.folder().toString())));
        assertThatThrownBy(() -> api.post("/containers", body("name", "x", "mount", "/")))
                .hasMessageContaining("no device of Tidemark")
                .hasMessageNotContaining("--mount /'");
        refused(
                FailureKind.USAGE,
                "give one of images, mount and runc",
                () -> api.post(
                        "/containers", body("name", "x", "mount", mount, "images", List.of(body("path", image)))));
        refused(FailureKind.USAGE, "give one of", () -> api.post("/containers", body("name", "x")));
        assertThat(api.list("/containers")).isEmpty();
    }

    @Test
    void namesAndImagesBelongToOne() throws Exception {
        api.post("/containers", body("name", "c", "mount", mount.toString()));
        refused(
                FailureKind.CONFLICT,
                "'c'",
                () -> api.post("/containers", body("name", "c", "mount", mount.toString())));
        refused(
                FailureKind.CONFLICT,
                "belongs to container 'c' already",
                () -> api.post("/containers", body("name", "d", "mount", mount.toString())));
        for (String name : List.of("../c", "a/b", "", ".", "..", "-", "a\nb", "x".repeat(129))) {
            assertThatThrownBy(() -> api.post("/containers", body("name", name, "mount", mount.toString())))
                    .as("name '%s'", name)
                    .isInstanceOfSatisfying(
                            ApplianceException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.USAGE));
        }
        assertThat(api.list("/containers")).hasSize(1);
    }

    @Test
    void lookingChangesNothing() throws Exception {
        Map<String, String> before = catalogue();
        Answer found = api.post("/containers/discover", body("mount", mount.toString()));
        isTheDevice(found);
        assertThat(catalogue()).isEqualTo(before);
        assertThatThrownBy(() -> api.post("/containers/discover", body("mount", "/nowhere")))
                .hasMessageContaining("there is no such folder");
        assertThat(api.list("/containers")).isEmpty();
    }

    /** What everybody can ask for, apart from what the time of day changes. */
    private Map<String, String> catalogue() throws IOException {
        Map<String, String> all = new TreeMap<>();
        for (String what : List.of("/containers", "/targets", "/policies", "/jobs", "/devices")) {
            all.put(
                    what,
                    api.list(what).stream()
                            .map(one -> one.text("name") + one.text("id"))
                            .collect(Collectors.joining(" ")));
        }
        try (Stream<Path> files = Files.list(image)) {
            all.put("files", files.map(Path::toString).sorted().collect(Collectors.joining(" ")));
        }
        return all;
    }

    @Test
    void aContainerWithWorkUnderWayStays() throws Exception {
        api.post("/containers", body("name", "busy", "mount", mount.toString()));
        Cli.random(mount.resolve("big"), 0, 200);
        Answer job = api.post("/jobs", body("kind", "BACKUP", "container", "busy", "target", "t"));
        refused(FailureKind.CONFLICT, "a job works on container 'busy'", () -> api.delete("/containers/busy"));
        ApplianceClient.demandSuccess(api.watch(job.text("id"), one -> {}));
        api.delete("/containers/busy");
        refused(FailureKind.NOT_FOUND, "busy", () -> api.get("/containers/busy"));
        Files.delete(mount.resolve("big"));
    }
}
