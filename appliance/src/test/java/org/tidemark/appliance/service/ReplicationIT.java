package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** A target and its replica, from the first copy over deaths and a lost source to the way back. */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(240)
class ReplicationIT {
    private static final long PACK_BYTES = 33L << 20;

    private Cli cli;
    private Path mount;
    private Path source;
    private Path replica;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("replicas-");
        source = cli.path("source");
        replica = cli.path("replica");
        mount = Files.createDirectory(cli.path("mnt"));
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        ApplianceClient api = cli.client();
        api.post("/devices", body("image", image.toString(), "mount", mount.toString()));
        api.post("/targets", body("name", "here", "kind", "LOCAL", "local", body("path", source.toString())));
        api.post("/containers", body("name", "c", "mount", mount.toString()));
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private void write(String name, int mebibytes) throws Exception {
        Cli.random(mount.resolve(name), 0, mebibytes);
    }

    private Answer backup(String target) throws IOException {
        return ApplianceClient.demandSuccess(
                        cli.client().run(body("kind", "BACKUP", "container", "c", "target", target)))
                .object("result");
    }

    private Answer state() throws IOException {
        return cli.client().get("/replicas/there");
    }

    private void awaitInStep(String replicaName) throws Exception {
        Cli.await("the replica is in step", () -> {
            Answer now = cli.client().get("/replicas/" + replicaName);
            return now.text("state").equals("IN_STEP")
                    && !now.objects("containers").isEmpty()
                    && now.objects("containers").get(0).has("newestAtReplica");
        });
    }

    private List<Answer> runs() throws IOException {
        return cli.client().list("/jobs?kind=REPLICATE");
    }

    private static Set<String> blobs(Path target) throws IOException {
        try (Stream<Path> files = Files.walk(target)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> target.relativize(file).toString())
                    .filter(name -> name.startsWith("pack/") || name.startsWith("log/"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static Set<String> records(Path target) throws IOException {
        Set<String> records = blobs(target);
        records.removeIf(name -> !name.startsWith("log/"));
        return records;
    }

    private static Set<String> without(Set<String> all, Set<String> some) {
        Set<String> rest = new TreeSet<>(all);
        rest.removeAll(some);
        return rest;
    }

    private static long packBytes(Path target) throws IOException {
        long sum = 0;
        for (String name : blobs(target)) {
            sum += name.startsWith("pack/") ? Files.size(target.resolve(name)) : 0;
        }
        return sum;
    }

    /** The same place by another name. */
    private String linkToSource() throws IOException {
        return Files.createSymbolicLink(cli.path("link"), source).toString();
    }

    private void isRestoredFrom(String target, String name) throws Exception {
        Path restored = cli.path(name);
        cli.ok("restore", "c", "--target", target, "--to", restored.toString(), "--format", "raw");
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", restored + "?offset=1048576");
        Path other = Files.createDirectory(cli.path("mnt-" + name));
        Commands.run(Cli.LIMIT, "mount", "-o", "ro,noload,offset=1048576", restored.toString(), other.toString());
        try {
            assertThat(Cli.checksum(other).replace(other.toString(), ""))
                    .isEqualTo(Cli.checksum(mount).replace(mount.toString(), ""));
        } finally {
            Commands.run(Cli.LIMIT, "umount", other.toString());
        }
    }

    @Test
    void keptUpLostPromotedAndBack() throws Exception {
        ApplianceClient api = cli.client();
        api.post(
                "/policies",
                body(
                        "name", "p",
                        "target", "here",
                        "containers", List.of("c"),
                        "schedule", body("kind", "EVERY", "everySeconds", 86_000),
                        "retention", body("last", 50)));
        write("first", 60);
        backup("here");
        cli.ok("replicate", "add", "there", replica.toString(), "--of", "here", "--every", "1s", "--rpo", "5s");
        awaitInStep("there");
        assertThat(blobs(replica)).isEqualTo(blobs(source));
        long first = packBytes(replica);

        // The next run sends the difference alone, by itself.
        write("second", 8);
        Answer point = backup("here");
        awaitInStep("there");
        assertThat(blobs(replica)).isEqualTo(blobs(source));
        Cli.await("the last run has ended", () -> runs().get(0).has("result"));
        Answer run = runs().get(0).object("result");
        System.out.println("first copy " + first + " bytes, second run " + run.fields() + ", backup " + point.fields());
        assertThat(run.number("bytesSent"))
                .isBetween(packBytes(replica) - first, packBytes(replica) - first + (1 << 20))
                .isLessThan(first / 3);
        assertThat(run.number("pointsAlreadyThere")).isEqualTo(1);
        assertThat(runs().size()).as("a turn in which nothing waits is no job").isLessThan(5);

        // It is not written by anything else, and no default.
        cli.refused(4, "replicate promote there", "backup", "c", "--target", "there");
        assertThat(backup("here").has("pointId")).isTrue();
        cli.refused(4, "replicate remove there", "target", "remove", "there");
        cli.refused(4, "has the replicas", "target", "remove", "here");
        cli.refused(4, "of its own", "replicate", "add", "again", linkToSource(), "--of", "here");
        awaitInStep("there");
        cli.ok("replicate", "test", "there");
        isRestoredFrom("there", "from-replica");

        // Promotion: refused while the source lives, and what is lost is said.
        cli.ok("replicate", "set", "there", "--pause");
        write("third", 4);
        backup("here");
        Cli.Result refused = cli.refused(4, "back up to it", "replicate", "promote", "there");
        assertThat(refused.err()).contains("1 point").contains("--really here");
        cli.refused(2, "not of 'elsewhere'", "replicate", "promote", "there", "--really", "elsewhere");
        assertThat(state().text("source")).isEqualTo("here");
        Cli.await("the lag is told", () -> api.get("/overview").objects("attention").stream()
                .anyMatch(one -> one.text("kind").equals("replica")
                        && one.text("sentence").contains("It is paused")));
        assertThat(cli.run("status").out()).contains("replica there");

        // The source is gone.
        Path away = cli.path("away");
        Files.move(source, away);
        cli.refused(4, "does not answer", "replicate", "promote", "there", "--policies");
        Map<String, Object> done = cli.ok("replicate", "promote", "there", "--really", "here", "--policies", "--json")
                .json();
        System.out.println("promoted: " + done);
        assertThat(done.get("movedPolicies")).isEqualTo(List.of("p"));
        assertThat(done.get("losses").toString()).contains("1 point");
        assertThat(api.list("/replicas")).isEmpty();
        Answer onwards = backup("there");
        // The tracker counts from the point that was lost: everything is read once, what differs is sent.
        assertThat(onwards.text("mode")).isEqualTo("FULL");
        assertThat(onwards.number("bytesStored")).isLessThan(10L << 20);
        isRestoredFrom("there", "from-promoted");

        // It comes back, but has a point that the other lacks.
        Files.move(away, source);
        cli.refused(4, "diverged", "replicate", "add", "here", "--of", "there");
        Path fresh = cli.path("fresh");
        cli.ok("replicate", "add", "back", fresh.toString(), "--of", "there", "--every", "1s");
        awaitInStep("back");
        assertThat(records(fresh)).isEqualTo(records(replica));
        // A pack whose point was lost is not a point's; it stays behind.
        System.out.println("left behind: " + without(blobs(replica), blobs(fresh)));
        assertThat(blobs(replica)).containsAll(blobs(fresh));
        // A planned way back loses nothing and needs no name.
        cli.ok("replicate", "promote", "back", "--policies");
        assertThat(backup("back").text("mode")).isEqualTo("INCREMENTAL");
        cli.ok("replicate", "add", "there", "--of", "back", "--every", "1s");
        awaitInStep("there");
        assertThat(blobs(replica)).containsAll(blobs(fresh));
        assertThat(records(replica)).isEqualTo(records(fresh));
        isRestoredFrom("back", "from-back");
    }

    @Test
    void aDeathInTheMiddleSendsAtMostOnePackAgain() throws Exception {
        write("big", 160);
        backup("here");
        long total = packBytes(source);
        cli.ok("replicate", "add", "there", replica.toString(), "--of", "here", "--every", "1s", "--bandwidth", "400M");
        Cli.await(
                "two packs have arrived",
                () -> Files.isDirectory(replica.resolve("pack")) && packBytes(replica) > PACK_BYTES);
        cli.appliance().kill();
        Set<String> before = blobs(replica);
        long there = packBytes(replica);
        assertThat(there).as("it was the middle").isLessThan(total);
        cli.startAppliance();
        cli.ok("replicate", "set", "there", "--bandwidth", "unlimited");
        awaitInStep("there");
        Cli.await("the run has ended", () -> runs().get(runs().size() - 1).has("result"));
        // Nothing tells of points in the source here but a look, so looks follow, which send nothing.
        long sent = 0;
        for (Answer run : runs()) {
            sent += run.object("result").number("requestBytesPut");
        }
        System.out.println("died with " + there + " of " + total + " bytes, then sent " + sent);
        assertThat(sent).isBetween(total - there, total - there + PACK_BYTES);
        assertThat(blobs(replica)).isEqualTo(blobs(source)).containsAll(before);
        isRestoredFrom("there", "after-death");
    }
}
