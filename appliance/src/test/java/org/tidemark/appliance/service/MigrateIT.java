package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
    private PairedAppliances pair;
    private Cli here;
    private Cli there;
    private CountingContainer container;
    private Path mount;
    private Path image;

    @BeforeAll
    void start() throws Exception {
        pair = PairedAppliances.start("move-");
        here = pair.here();
        there = pair.there();
    }

    @AfterAll
    void stop() throws IOException {
        pair.close();
    }

    @BeforeEach
    void begin() throws Exception {
        container = CountingContainer.start(here);
        image = container.image();
        mount = container.mount();
    }

    @AfterEach
    void end() throws Exception {
        container.close();
        pair.clear(mount);
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
        container.counts(3);
        here.ok("backup", "c");
        here.ok("snapshot", "create", image.toString());
        Commands.run(Cli.LIMIT, "dd", "if=/dev/urandom", "of=" + mount + "/second", "bs=1M", "count=20", "conv=fsync");
        String first = container.inode("first");
        String sum = Commands.run(Cli.LIMIT, "sha256sum", mount + "/first", mount + "/second");
        long before = container.count();

        Path to = Files.createDirectory(there.path("arrived-" + System.nanoTime()));
        Map<String, Object> moved =
                here.ok("migrate", "c", "b", "--to", to.toString(), "--json").json();
        System.out.println("moved: " + moved);
        assertThat(moved).containsKey("downMillis");
        container.runsAndCountsBeyond(before);
        assertThat(container.status()).isEqualTo("running");
        assertThat(container.inode("first")).isEqualTo(first);
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
        container.counts(2);
        Path to = Files.createDirectory(there.path("full-" + System.nanoTime()));
        Files.createDirectory(to.resolve(image.getFileName()));
        Cli.Result refused = here.run("migrate", "c", "b", "--to", to.toString());
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("exists already").doesNotContain("Exception");
        container.runsAndCountsBeyond(0);
        assertThat(here.client().list("/containers")).hasSize(1);
        assertThat(there.client().list("/containers")).isEmpty();
        assertThat(there.client().list("/peers")).singleElement().satisfies(peer -> assertThat(peer.text("name"))
                .isEqualTo("a"));
        there.client().delete("/peers/a");
        assertThatThrownBy(() -> here.ok("migrate", "c", "b")).hasMessageContaining("not paired");
        String invitation = PairedAppliances.invitation(there);
        here.ok("peer", "add", "b", invitation, "--as", "a");
        assertThat(here.run("peer", "add", "x", invitation).exitCode())
                .as("an invitation is good once")
                .isNotZero();
        container.runsAndCountsBeyond(0);
    }

    /** The destination dies in the middle of the copy and comes back; then the source dies, and the container never notices. */
    @Test
    void deathsBeforeTheDecisionLeaveItRunningHere() throws Exception {
        container.counts(2);
        Path to = Files.createDirectory(there.path("late-" + System.nanoTime()));
        Cli.Running moving = here.begin("migrate", "c", "b", "--to", to.toString(), "--rate", "8M");
        Path incoming = to.resolve(image.getFileName() + ".tidemark-incoming");
        Cli.await("it is being received", () -> Files.exists(incoming));
        there.appliance().kill();
        there.startAppliance();
        long soFar = container.count();
        container.counts(soFar + 3);
        here.appliance().kill();
        moving.process().destroy();
        here.startAppliance();
        Answer job = here.client().list("/jobs?kind=MIGRATE").get(0);
        Cli.await(
                "the job has ended",
                () -> here.client().get("/jobs/" + job.text("id")).text("state").equals("FAILED"));
        container.runsAndCountsBeyond(0);
        assertThat(container.status()).isEqualTo("running");
        Map<String, Object> moved =
                here.ok("migrate", "c", "b", "--to", to.toString(), "--json").json();
        System.out.println("moved after two deaths: " + moved);
        container.runsAndCountsBeyond(0);
        assertThat(there.client().list("/containers")).hasSize(1);
        ApplianceClient api = here.client();
        assertThat(api.list("/containers")).isEmpty();
    }
}
