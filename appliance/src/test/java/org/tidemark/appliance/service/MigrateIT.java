package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A real container goes from one appliance to another and back: both on this host, each with its own folders and device server. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "runc", "busybox"})
@Timeout(400)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MigrateIT {
    private static final String ID = "tidemark-moves";

    private Cli here;
    private Cli there;
    private Path mount;
    private Path image;
    private @Nullable RuncContainer container;

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @BeforeAll
    void start() throws Exception {
        here = Cli.start("move-from-");
        there = Cli.start("move-to-");
        for (Cli one : List.of(here, there)) {
            one.appliance().withEnvironment("TIDEMARK_PEER_LISTEN", "127.0.0.1:" + freePort());
        }
        there.startAppliance();
        here.startAppliance();
        String invitation =
                there.ok("peer", "invite", "--json").json().get("invitation").toString();
        here.ok("peer", "add", "b", invitation, "--as", "a");
        assertThat(here.run("peer", "add", "c", invitation).exitCode())
                .as("an invitation is good once")
                .isNotZero();
        assertThat(there.client().list("/peers")).singleElement().satisfies(peer -> assertThat(peer.text("name"))
                .isEqualTo("a"));
        for (Cli one : List.of(here, there)) {
            one.client()
                    .post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", here.path("target"))));
        }
    }

    @AfterAll
    void stop() throws IOException {
        try (Cli first = here;
                Cli second = there) {
            assertThat(first).isNotSameAs(second);
        }
    }

    @BeforeEach
    void begin() throws Exception {
        image = here.path("ct-" + System.nanoTime());
        mount = Files.createDirectory(here.path("mnt-" + System.nanoTime()));
        here.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        here.attach(image, "--name", "d", "--mount", mount.toString());
        Commands.run(Cli.LIMIT, "dd", "if=/dev/urandom", "of=" + mount + "/first", "bs=1M", "count=40", "conv=fsync");
        container = RuncContainer.start(
                Files.createDirectory(here.path("run-" + System.nanoTime())),
                ID,
                mount,
                "trap 'exit 0' TERM; b=/bin/busybox; i=$($b cat /data/count 2>/dev/null || echo 0); while true; do i=$((i+1));"
                        + " echo $i > /data/new; $b sync; $b mv /data/new /data/count; $b usleep 20000; done");
        here.ok(
                "container",
                "add",
                "c",
                "--runc",
                ID,
                "--runc-root",
                container.root().toString());
    }

    @AfterEach
    void end() throws Exception {
        if (container != null) {
            container.close();
        }
        for (Cli one : List.of(here, there)) {
            for (Answer known : one.client().list("/containers")) {
                one.client().delete("/containers/" + known.text("name"));
            }
            Commands.tryRun(Cli.LIMIT, "umount", mount.toString());
            for (Object device : one.ok("devices", "--json").jsonRows()) {
                one.ok("detach", ((Map<?, ?>) device).get("device").toString());
            }
        }
    }

    private long count() throws IOException {
        Path file = mount.resolve("data/count");
        return Files.exists(file) ? Long.parseLong(Files.readString(file).strip()) : 0;
    }

    private void counts(long beyond) throws Exception {
        Cli.await("the container counts", () -> count() > beyond);
    }

    private String inode(String file) throws Exception {
        return Commands.run(
                Cli.LIMIT, "stat", "-c", "%i %s %Y", mount.resolve(file).toString());
    }

    private static String mode(Map<String, Object> backup) {
        return String.valueOf(backup.get("mode"));
    }

    @Test
    void aContainerMovesWithItsSnapshotsItsPolicyAndWhatItsTrackerKnows() throws Exception {
        here.client()
                .post(
                        "/policies",
                        body(
                                "name", "p",
                                "target", "t",
                                "containers", List.of("c"),
                                "schedule", body("kind", "EVERY", "everySeconds", 86_000),
                                "retention", body("last", 5)));
        counts(3);
        here.ok("backup", "c");
        here.ok("snapshot", "create", image.toString());
        Commands.run(Cli.LIMIT, "dd", "if=/dev/urandom", "of=" + mount + "/second", "bs=1M", "count=20", "conv=fsync");
        String first = inode("first");
        String sum = Commands.run(Cli.LIMIT, "sha256sum", mount + "/first", mount + "/second");
        long before = count();

        Path to = Files.createDirectory(there.path("arrived-" + System.nanoTime()));
        Map<String, Object> moved =
                here.ok("migrate", "c", "b", "--to", to.toString(), "--json").json();
        System.out.println("moved: " + moved);
        assertThat(moved).containsKey("downMillis");
        counts(before + 5);
        assertThat(container.status()).isEqualTo("running");
        assertThat(inode("first")).isEqualTo(first);
        assertThat(Commands.run(Cli.LIMIT, "sha256sum", mount + "/first", mount + "/second"))
                .isEqualTo(sum);
        Path arrived = to.resolve(image.getFileName());
        assertThat(there.ok("snapshot", "list", arrived.toString(), "--json").jsonRows())
                .isNotEmpty();

        // Here it is history.
        assertThat(here.client().list("/containers")).isEmpty();
        assertThat(here.client().get("/policies/p").texts("containers")).isEmpty();
        Cli.Result refused = here.run("attach", image.toString());
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("was handed over").doesNotContain("Exception");
        assertThat(here.run("image", "resize", image.toString(), "--size", "600M")
                        .exitCode())
                .isNotZero();

        // There it goes on.
        assertThat(there.client().get("/policies/p").texts("containers")).containsExactly("c");
        Map<String, Object> backup = there.ok("backup", "c", "--json").json();
        assertThat(mode(backup)).as(backup.toString()).isEqualToIgnoringCase("incremental");
        there.ok("verify", "c");
        Path restored = there.path("restored-" + System.nanoTime());
        there.ok("restore", "c", "--to", restored.toString(), "--format", "raw");
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", restored + "?offset=1048576");
    }

    @Test
    void whatCannotComeIsRefusedAndTheContainerGoesOn() throws Exception {
        counts(2);
        Path to = Files.createDirectory(there.path("full-" + System.nanoTime()));
        Files.createDirectory(to.resolve(image.getFileName()));
        Cli.Result refused = here.run("migrate", "c", "b", "--to", to.toString());
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("exists already").doesNotContain("Exception");
        counts(count() + 3);
        assertThat(here.client().list("/containers")).hasSize(1);
        assertThat(there.client().list("/containers")).isEmpty();
        there.client().delete("/peers/a");
        assertThatThrownBy(() -> here.ok("migrate", "c", "b")).hasMessageContaining("not paired");
        String invitation =
                there.ok("peer", "invite", "--json").json().get("invitation").toString();
        here.ok("peer", "add", "b", invitation, "--as", "a");
        counts(count() + 3);
    }

    /** The destination dies in the middle of the copy and comes back; then the source dies, and the container never notices. */
    @Test
    void deathsBeforeTheDecisionLeaveItRunningHere() throws Exception {
        counts(2);
        Path to = Files.createDirectory(there.path("late-" + System.nanoTime()));
        Cli.Running moving = here.begin("migrate", "c", "b", "--to", to.toString(), "--rate", "8M");
        Path incoming = to.resolve(image.getFileName() + ".tidemark-incoming");
        Cli.await("it is being received", () -> Files.exists(incoming));
        there.appliance().kill();
        there.startAppliance();
        long soFar = count();
        counts(soFar + 3);
        here.appliance().kill();
        moving.process().destroy();
        here.startAppliance();
        Answer job = here.client().list("/jobs?kind=MIGRATE").get(0);
        Cli.await(
                "the job has ended",
                () -> here.client().get("/jobs/" + job.text("id")).text("state").equals("FAILED"));
        counts(count() + 3);
        assertThat(container.status()).isEqualTo("running");
        Map<String, Object> moved =
                here.ok("migrate", "c", "b", "--to", to.toString(), "--json").json();
        System.out.println("moved after two deaths: " + moved);
        counts(count() + 3);
        assertThat(there.client().list("/containers")).hasSize(1);
        ApplianceClient api = here.client();
        assertThat(api.list("/containers")).isEmpty();
    }
}
