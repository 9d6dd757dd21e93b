package org.tidemark.appliance.service.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
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

/**
 * What becomes of jobs: watched, cancelled, queued, and when the appliance dies under them. One appliance, to which every test
 * brings a container and a target of its own.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class JobsIT {
    /** For what is to be met in the middle. */
    private static final int LONG_MEBIBYTES = 150;

    private static final int SHORT_MEBIBYTES = 10;

    private Cli cli;
    private int number;
    private String container;
    private String device;
    private Path image;
    private Path mount;

    @BeforeAll
    void start() throws Exception {
        cli = Cli.start("jobs-");
    }

    @AfterAll
    void stop() throws IOException {
        cli.close();
    }

    @BeforeEach
    void protect() throws Exception {
        number++;
        container = "c" + number;
        mount = Files.createDirectory(cli.path("mnt-" + number));
        image = cli.path("image-" + number);
        cli.ok("image", "create", image.toString(), "--size", "1G", "--fs", "ext4");
        ApplianceClient api = cli.client();
        device = api.post("/devices", body("image", image.toString(), "mount", mount.toString()))
                .text("deviceId");
        api.post("/targets", body("name", target(), "kind", "LOCAL", "local", body("path", place())));
        api.post("/containers", body("name", container, "mount", mount.toString()));
        Cli.random(mount.resolve("big"), 0, SHORT_MEBIBYTES);
    }

    @AfterEach
    void forget() throws Exception {
        ApplianceClient api = cli.client();
        api.delete("/containers/" + container);
        api.delete("/targets/" + target());
        api.delete("/devices/" + device);
        Commands.run(Cli.LIMIT, "rm", "-r", image.toString(), place());
    }

    private String target() {
        return "t" + number;
    }

    private String place() {
        return cli.path("target-" + number).toString();
    }

    private Answer backup(ApplianceClient api) throws IOException {
        return api.post("/jobs", body("kind", "BACKUP", "container", container, "target", target()));
    }

    private Map<String, Object> restore(Path destination) throws IOException {
        return body(
                "kind",
                "RESTORE",
                "container",
                container,
                "target",
                target(),
                "point",
                "latest",
                "destination",
                destination.toString());
    }

    private void muchToRead() throws Exception {
        Cli.random(mount.resolve("big"), 0, LONG_MEBIBYTES);
    }

    private static void awaitState(ApplianceClient api, Answer job, String... states) throws Exception {
        Cli.await("job " + job.text("id") + " is " + List.of(states), () -> Set.of(states)
                .contains(api.get("/jobs/" + job.text("id")).text("state")));
    }

    /** Until it has read something, so that what follows meets it in the middle. */
    private static void awaitReading(ApplianceClient api, Answer job) throws Exception {
        Cli.await(
                "job " + job.text("id") + " reads",
                () -> api.get("/jobs/" + job.text("id")).object("progress").number("doneBytes") > 0);
    }

    private List<Answer> points(ApplianceClient api) throws IOException {
        return api.list("/containers/" + container + "/points?target=" + target() + "&expired=true");
    }

    private void restoreIsRight(ApplianceClient api, String name) throws Exception {
        Path restored = cli.path(name);
        ApplianceClient.demandSuccess(api.run(restore(restored)));
        Path where = Files.createDirectory(cli.path("mnt-" + name));
        Answer another = api.post("/devices", body("image", restored.toString(), "mount", where.toString()));
        assertThat(Files.mismatch(where.resolve("big"), mount.resolve("big"))).isEqualTo(-1);
        api.delete("/devices/" + another.text("deviceId"));
    }

    @Test
    void aWatchedJobTellsHowItGoesOnAndItsLogStays() throws Exception {
        ApplianceClient api = cli.client();
        Answer job = backup(api);
        List<String> states = new ArrayList<>();
        Answer ended = api.watch(job.text("id"), now -> states.add(now.text("state")));
        assertThat(ApplianceClient.demandSuccess(ended).object("result").text("mode"))
                .isEqualTo("FULL");
        assertThat(states).contains("RUNNING").endsWith("SUCCEEDED");
        assertThat(api.get("/jobs/" + job.text("id") + "/log").objects("lines"))
                .anyMatch(line -> line.text("text").contains("committed"));
        assertThat(api.get("/jobs?kind=BACKUP&limit=1").objects("items")).hasSize(1);
        restoreIsRight(api, "whole");
    }

    @Test
    void aCancelledBackupLeavesNothingAndTheNextIsRight() throws Exception {
        muchToRead();
        ApplianceClient api = cli.client();
        Answer first = backup(api);
        Answer second = backup(api);
        Answer third = backup(api);
        awaitReading(api, first);
        api.post("/jobs/" + third.text("id") + "/cancel", body());
        assertThat(api.get("/jobs/" + third.text("id")).text("state")).isEqualTo("CANCELLED");
        api.post("/jobs/" + first.text("id") + "/cancel", body());
        awaitState(api, first, "CANCELLED");
        assertThatThrownBy(() -> api.post("/jobs/" + first.text("id") + "/cancel", body()))
                .hasMessageContaining("has ended already");
        awaitState(api, second, "SUCCEEDED");
        assertThat(points(api)).hasSize(1);
        Answer one = api.get("/jobs/" + first.text("id"));
        Answer two = api.get("/jobs/" + second.text("id"));
        assertThat(Instant.parse(two.text("startedAt"))).isAfterOrEqualTo(Instant.parse(one.text("finishedAt")));
        restoreIsRight(api, "after-cancel");
    }

    @Test
    void aCancelledRestoreLeavesNothing() throws Exception {
        muchToRead();
        ApplianceClient api = cli.client();
        ApplianceClient.demandSuccess(api.watch(backup(api).text("id"), job -> {}));
        Answer restore = api.post("/jobs", restore(cli.path("cancelled")));
        awaitReading(api, restore);
        api.post("/jobs/" + restore.text("id") + "/cancel", body());
        awaitState(api, restore, "CANCELLED", "SUCCEEDED");
        if (api.get("/jobs/" + restore.text("id")).text("state").equals("CANCELLED")) {
            try (Stream<Path> left = Files.list(cli.folder())) {
                assertThat(left.map(path -> path.getFileName().toString()))
                        .noneMatch(name -> name.startsWith("cancelled"));
            }
        }
    }

    @Test
    void killedInTheMiddleItRunsAgain() throws Exception {
        muchToRead();
        ApplianceClient api = cli.client();
        Answer job = backup(api);
        awaitReading(api, job);
        cli.appliance().kill();
        ApplianceClient again = cli.client();
        awaitState(again, job, "SUCCEEDED");
        Answer ended = again.get("/jobs/" + job.text("id"));
        assertThat(ended.number("attempt")).isEqualTo(2);
        assertThat(ended.text("cause")).isEqualTo("RECOVERY");
        assertThat(points(again)).hasSize(1);
        restoreIsRight(again, "after-kill");
    }

    @Test
    void stoppedInAnOrderlyWayItGoesOnWithoutCountingAnAttempt() throws Exception {
        muchToRead();
        ApplianceClient api = cli.client();
        Answer job = backup(api);
        awaitReading(api, job);
        cli.appliance().stop();
        ApplianceClient again = cli.client();
        awaitState(again, job, "SUCCEEDED");
        assertThat(again.get("/jobs/" + job.text("id")).number("attempt")).isEqualTo(1);
        assertThat(points(again)).hasSize(1);
    }

    private void catalogue(String sql, long id) throws Exception {
        String url = "jdbc:h2:file:" + cli.appliance().state().resolve("catalogue");
        try (Connection connection = DriverManager.getConnection(url);
                PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setLong(1, id);
            assertThat(statement.executeUpdate()).isEqualTo(1);
        }
    }

    @Test
    void aCommitThatTheCatalogueDidNotLearnOfIsRecognised() throws Exception {
        ApplianceClient api = cli.client();
        Answer job = ApplianceClient.demandSuccess(api.watch(backup(api).text("id"), one -> {}));
        String point = job.object("result").text("pointId");
        cli.appliance().stop();
        catalogue(
                "update job set state = 'RUNNING', finished_at = null, result_json = null where id = ?",
                Long.parseLong(job.text("id")));
        ApplianceClient again = cli.client();
        awaitState(again, job, "SUCCEEDED");
        assertThat(again.get("/jobs/" + job.text("id")).object("result").text("pointId"))
                .isEqualTo(point);
        assertThat(points(again)).hasSize(1);
    }

    /** What the catalogue knows of a restore whose end the appliance did not live to write down. */
    private void endUnknown(Answer restore) throws Exception {
        cli.appliance().stop();
        catalogue(
                "update job set state = 'RUNNING', finished_at = null, result_json = null where id = ?",
                Long.parseLong(restore.text("id")));
    }

    @Test
    void aRestoredImageThatTheCatalogueDidNotLearnOfIsRecognisedAndSomeoneElsesIsNot() throws Exception {
        ApplianceClient api = cli.client();
        ApplianceClient.demandSuccess(api.watch(backup(api).text("id"), one -> {}));
        Path complete = cli.path("complete");
        Answer restore = ApplianceClient.demandSuccess(api.run(restore(complete)));
        endUnknown(restore);
        ApplianceClient again = cli.client();
        awaitState(again, restore, "SUCCEEDED");
        Answer recognised = again.get("/jobs/" + restore.text("id"));
        assertThat(recognised.number("attempt")).isEqualTo(2);
        assertThat(recognised.object("result").number("writtenBytes"))
                .isEqualTo(restore.object("result").number("writtenBytes"));
        endUnknown(restore);
        Files.move(complete, cli.path("moved"));
        Files.createDirectory(complete);
        ApplianceClient third = cli.client();
        awaitState(third, restore, "FAILED");
        assertThat(third.get("/jobs/" + restore.text("id")).object("error").text("detail"))
                .contains(complete + " exists already");
        assertThat(complete).isEmptyDirectory();
    }

    @Test
    void afterThreeLostAttemptsItFailsWithTheReason() throws Exception {
        ApplianceClient api = cli.client();
        Answer job = ApplianceClient.demandSuccess(api.watch(backup(api).text("id"), one -> {}));
        cli.appliance().stop();
        catalogue(
                "update job set state = 'RUNNING', attempt = 3, finished_at = null, result_json = null where id = ?",
                Long.parseLong(job.text("id")));
        ApplianceClient again = cli.client();
        Answer ended = again.get("/jobs/" + job.text("id"));
        assertThat(ended.text("state")).isEqualTo("FAILED");
        assertThat(ended.object("error").text("detail")).contains("the appliance ended while this ran (attempt 3)");
    }
}
