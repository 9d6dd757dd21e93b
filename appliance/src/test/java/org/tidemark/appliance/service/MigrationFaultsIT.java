package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.demo.Demo;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * Processes and the link die while a container moves, at every step: it runs on one side or waits for one, and never on both. {@code
 * -Dkills=100} for a long run, {@code -Dseed=} to repeat one.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "runc", "busybox"})
@Timeout(3600)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MigrationFaultsIT {
    private static final int KILLS = Integer.getInteger("kills", 6);
    private static final int LONGEST_WAIT_MILLIS = 1_500;
    private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xffffff);

    private PairedAppliances pair;
    private Cli here;
    private Cli there;
    private CountingContainer container;

    @BeforeAll
    void start() throws Exception {
        pair = PairedAppliances.start("move-faults-");
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
        container.counts(2);
    }

    @AfterEach
    void end() throws Exception {
        container.close();
        pair.clear(container.mount());
    }

    private Path folder() throws IOException {
        return Files.createDirectory(there.path("arrived-" + System.nanoTime()));
    }

    /** What the record of a hand-over says; empty when there is none. */
    private static String record(Path image) {
        try {
            return Files.readString(image.resolve(HandOverFile.FILE_NAME));
        } catch (IOException e) {
            return "";
        }
    }

    private static boolean isLeaving(Path image) {
        return record(image).contains("leaving");
    }

    private static Answer newest(Cli of) throws IOException {
        return of.client().list("/migrations").get(0);
    }

    private static void reaches(Cli side, String id, String... states) throws Exception {
        try {
            Cli.await("the migration is " + List.of(states), () -> List.of(states)
                    .contains(side.client().get("/migrations/" + id).text("state")));
        } catch (AssertionError e) {
            Answer last = side.client().get("/migrations/" + id);
            Answer job = side.client().list("/jobs?kind=MIGRATE").get(0);
            throw new AssertionError(
                    e.getMessage() + "; it is " + last.text("state") + ": " + last.text("notice") + "; its job is "
                            + job.text("state") + ": " + job.text("error"),
                    e);
        }
    }

    /** Moves it until the decision, of which the other side does not hear. */
    private String decidedAndCutOff(Path to) throws Exception {
        Path image = container.image();
        pair.toThere().reachableWhile(() -> !isLeaving(image));
        Cli.Running moving = here.begin("migrate", "c", "b", "--to", to.toString());
        Cli.await("it is decided", () -> isLeaving(image));
        moving.process().destroyForcibly();
        String job = here.client().list("/jobs?kind=MIGRATE").get(0).text("id");
        here.refused(4, "cannot be cancelled any more", "job", "cancel", job);
        String id = newest(here).text("id");
        reaches(here, id, "LEAVING");
        requireStopped();
        return id;
    }

    private void requireStopped() throws Exception {
        assertThat(container.isMounted()).isFalse();
        Cli.Result attach = here.run("attach", container.image().toString());
        assertThat(attach.exitCode()).as("it may run there").isNotZero();
        assertThat(attach.err()).doesNotContain("Exception");
    }

    private void requireSound(Cli side, Path image) throws Exception {
        container.close();
        Commands.run(Cli.LIMIT, "umount", container.mount().toString());
        String device = side.ok("devices", "--json").jsonRows().stream()
                .map(row -> String.valueOf(((Map<?, ?>) row).get("blockDevice")))
                .findFirst()
                .orElseThrow();
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", device);
        side.ok("detach", image.toString());
        side.ok("image", "check", image.toString());
    }

    @Test
    void decidedItWaitsThroughTheDeathOfEveryProcessAndTheLossOfThePeer() throws Exception {
        Path to = folder();
        long before = container.count();
        String id = decidedAndCutOff(to);

        there.appliance().kill();
        here.appliance().kill();
        ProcessHandle.of(here.deviceServer()).ifPresent(ProcessHandle::destroyForcibly);
        here.startAppliance();
        reaches(here, id, "LEAVING");
        requireStopped();
        there.startAppliance();
        ProcessHandle.of(there.deviceServer()).ifPresent(ProcessHandle::destroyForcibly);
        requireStopped();

        // Forgotten, it cannot be asked; known again, it is.
        here.ok("peer", "remove", "b");
        pair.toThere().mend();
        Cli.await(
                "the lack of the peer is said",
                () -> here.client().get("/migrations/" + id).text("notice").contains("no peer"));
        requireStopped();
        pair.pair();
        reaches(here, id, "GONE");
        container.runsAndCountsBeyond(before);
        Path arrived = to.resolve(container.image().getFileName());
        assertThat(there.client().list("/containers")).hasSize(1);
        assertThat(here.client().list("/containers")).isEmpty();
        requireSound(there, arrived);
    }

    @Test
    void takenAndTheAnswerLostItRunsThereOnly() throws Exception {
        Path to = folder();
        Path arrived = to.resolve(container.image().getFileName());
        long before = container.count();
        pair.toThere().answeringWhile(() -> !record(arrived).contains("owner"));
        pair.toThere().reachableWhile(() -> !record(arrived).contains("owner"));
        Cli.Running moving = here.begin("migrate", "c", "b", "--to", to.toString());
        Cli.await("it runs there", () -> record(arrived).contains("owner"));
        container.runsAndCountsBeyond(before);
        String id = newest(here).text("id");
        assertThat(newest(here).text("state")).isEqualTo("LEAVING");
        assertThat(here.run("attach", container.image().toString()).exitCode()).isNotZero();
        here.appliance().kill();
        moving.process().destroyForcibly();
        there.appliance().kill();
        here.startAppliance();
        there.startAppliance();
        assertThat(here.run("attach", container.image().toString()).exitCode()).isNotZero();
        container.runsAndCountsBeyond(0);

        pair.toThere().mend();
        reaches(here, id, "GONE");
        assertThat(record(container.image())).contains("gone");
        assertThat(here.client().list("/containers")).isEmpty();
        requireSound(there, arrived);
    }

    @Test
    void whatTheOtherSideGaveUpRunsHereAgain() throws Exception {
        Path to = folder();
        long before = container.count();
        String id = decidedAndCutOff(to);
        Answer coming = newest(there);
        assertThat(coming.text("state")).isEqualTo("COPYING");
        there.ok("migrations", "abandon", coming.text("id"));
        assertThat(there.client().get("/migrations/" + coming.text("id")).text("state"))
                .isEqualTo("ENDED");
        requireStopped();
        pair.toThere().mend();
        reaches(here, id, "ENDED");
        container.runsAndCountsBeyond(before);
        assertThat(there.client().list("/containers")).isEmpty();

        here.ok("migrate", "c", "b", "--to", to.toString());
        container.runsAndCountsBeyond(0);
        requireSound(there, to.resolve(container.image().getFileName()));
    }

    @Test
    void whatIsTakenBackByNameRunsHereAgain() throws Exception {
        Path to = folder();
        long before = container.count();
        String id = decidedAndCutOff(to);
        there.appliance().kill();
        here.refused(4, "say --really c", "migrations", "abandon", id);
        requireStopped();
        here.ok("migrations", "abandon", id, "--really", "c");
        reaches(here, id, "ENDED");
        container.runsAndCountsBeyond(before);

        // The other side, back again, has nothing that could run.
        there.startAppliance();
        pair.toThere().mend();
        assertThat(there.client().list("/containers")).isEmpty();
        here.ok("migrate", "c", "b", "--to", to.toString());
        container.runsAndCountsBeyond(0);
        requireSound(there, to.resolve(container.image().getFileName()));
    }

    @Test
    void anotherContainerDoesNotComeToThePlaceOfOneThatIsOnItsWay() throws Exception {
        Path to = folder();
        Path image = container.image();
        Path other =
                Files.createDirectory(here.path("other-" + System.nanoTime())).resolve(image.getFileName());
        here.ok("image", "create", other.toString(), "--size", "64M", "--fs", "ext4");
        here.ok("container", "add", "other", "--image", other.toString());
        Cli.Running moving = here.begin("migrate", "c", "b", "--to", to.toString(), "--rate", "8M");
        Path incoming = to.resolve(image.getFileName() + ".tidemark-incoming");
        Cli.await("it is being received", () -> Files.exists(incoming.resolve("root.hds")));
        // The source ends it, and cannot say so.
        pair.toThere().reachableWhile(() -> false);
        here.appliance().kill();
        pair.toThere().cut();
        moving.process().destroyForcibly();
        here.startAppliance();
        reaches(here, newest(here).text("id"), "ENDED");
        pair.toThere().mend();

        Cli.Result refused = here.run("migrate", "other", "b", "--to", to.toString());
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("'c' of appliance 'a' is on its way").doesNotContain("Exception");
        assertThat(incoming).isNotEmptyDirectory();
        there.ok("migrations", "abandon", newest(there).text("id"));
        assertThat(incoming.resolve("root.hds")).doesNotExist();
        here.ok("migrate", "other", "b", "--to", to.toString());
        assertThat(there.client().list("/containers")).singleElement().satisfies(one -> assertThat(one.text("name"))
                .isEqualTo("other"));
        container.runsAndCountsBeyond(0);
    }

    /** Somebody dies at a time that nobody chose, once in each move; then the container goes the other way. */
    @Test
    void whateverDiesWhenItRunsOnExactlyOneSideAndGoesOnCounting() throws Exception {
        Seeds.replayable(getClass(), SEED, this::killAtRandom);
    }

    private enum Victim {
        SOURCE,
        DESTINATION,
        SOURCES_DEVICES,
        DESTINATIONS_DEVICES,
        LINK
    }

    private void killAtRandom(Random random) throws Exception {
        Path image = container.image();
        boolean isHere = true;
        Map<String, Integer> ended = new TreeMap<>();
        for (int i = 0; i < KILLS; i++) {
            Cli source = isHere ? here : there;
            Cli destination = isHere ? there : here;
            Path to = Files.createDirectory(destination.path("to-" + System.nanoTime()));
            Path arrived = to.resolve(image.getFileName());
            long before = container.count();
            Victim victim = Victim.values()[random.nextInt(Victim.values().length)];
            String last = source.client().list("/migrations").stream()
                    .map(one -> one.text("id"))
                    .findFirst()
                    .orElse("");
            Cli.Running moving = source.begin("migrate", "c", isHere ? "b" : "a", "--to", to.toString());
            Cli.await("it has begun", () -> source.client().list("/migrations").stream()
                    .findFirst()
                    .filter(one -> !one.text("id").equals(last))
                    .isPresent());
            String id = newest(source).text("id");
            // While it copies, or around the stop and the decision.
            if (random.nextBoolean()) {
                Cli.await("it is stopped", () -> !source.client()
                        .get("/migrations/" + id)
                        .text("state")
                        .equals("COPYING"));
            }
            Thread.sleep(random.nextInt(LONGEST_WAIT_MILLIS));
            String when = newest(source).text("state");
            kill(victim, source, destination);
            moving.process().destroyForcibly();
            source.startAppliance();
            destination.startAppliance();
            reaches(source, id, "GONE", "ENDED");
            boolean moved =
                    source.client().get("/migrations/" + id).text("state").equals("GONE");
            ended.merge(victim + " while " + when + ": " + (moved ? "moved" : "stayed"), 1, Integer::sum);
            container.runsAndCountsBeyond(before);
            assertThat(container.status()).isEqualTo("running");
            assertThat(source.client().list("/containers")).hasSize(moved ? 0 : 1);
            assertThat(destination.client().list("/containers")).hasSize(moved ? 1 : 0);
            Path elsewhere = moved ? image : arrived;
            if (moved) {
                assertThat(source.run("attach", image.toString()).exitCode()).isNotZero();
                image = arrived;
                isHere = !isHere;
            } else {
                assertThat(Files.exists(arrived)).isFalse();
            }
            // As an operator clears it away.
            Demo.removeTree(elsewhere);
        }
        System.out.println("killed: " + ended);
        requireSound(isHere ? here : there, image);
    }

    private void kill(Victim victim, Cli source, Cli destination) throws IOException {
        switch (victim) {
            case SOURCE -> source.appliance().kill();
            case DESTINATION -> destination.appliance().kill();
            case SOURCES_DEVICES -> ProcessHandle.of(source.deviceServer()).ifPresent(ProcessHandle::destroyForcibly);
            case DESTINATIONS_DEVICES ->
                ProcessHandle.of(destination.deviceServer()).ifPresent(ProcessHandle::destroyForcibly);
            case LINK -> pair.cut();
        }
    }
}
