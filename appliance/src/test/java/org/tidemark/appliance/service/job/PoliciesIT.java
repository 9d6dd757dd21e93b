package org.tidemark.appliance.service.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
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
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.ploop.testing.Requires;

/** Policies run on time, once after a pause, and their retention marks points without deleting anything. */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(300)
class PoliciesIT {
    private Cli cli;
    private Path target;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("policies-");
        target = cli.path("target");
        Path mount = Files.createDirectory(cli.path("mnt"));
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "256M", "--fs", "ext4");
        ApplianceClient api = cli.client();
        api.post("/devices", body("image", image.toString(), "mount", mount.toString()));
        api.post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", target.toString())));
        api.post("/containers", body("name", "c", "mount", mount.toString()));
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private static Map<String, Object> policy(boolean enabled) {
        return Map.of(
                "name",
                "p",
                "containers",
                List.of("c"),
                "target",
                "t",
                "schedule",
                Map.of("kind", "EVERY", "everySeconds", 10),
                "retention",
                Map.of("last", 2),
                "enabled",
                enabled);
    }

    private static List<Answer> scheduled(ApplianceClient api) throws IOException {
        return api.list("/jobs?kind=BACKUP").stream()
                .filter(job -> job.text("cause").equals(JobEntry.Cause.SCHEDULE.name()))
                .toList();
    }

    private Set<String> objects() throws IOException {
        try (Stream<Path> files = Files.walk(target)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> target.relativize(file).toString())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @Test
    void runsOnTimeAndOnceAfterAPause() throws Exception {
        ApplianceClient api = cli.client();
        Answer made = api.post("/policies", policy(true));
        Instant next = Instant.parse(made.text("nextRunAt"));
        Cli.await("two slots ran", () -> scheduled(api).size() >= 2);
        Instant first =
                Instant.parse(scheduled(api).get(scheduled(api).size() - 1).text("createdAt"));
        assertThat(first).isBetween(next, next.plusSeconds(5));
        int before = scheduled(api).size();
        cli.appliance().kill();
        Instant down = Instant.now();
        Cli.await("some slots pass", () -> Instant.now().isAfter(down.plusSeconds(25)));
        ApplianceClient again = cli.client();
        Cli.await("the missed ones ran", () -> scheduled(again).size() > before);
        Instant restarted = Instant.now();
        Cli.await("no storm follows", () -> Instant.now().isAfter(restarted.plusSeconds(3)));
        assertThat(scheduled(again).size() - before).isBetween(1, 2);
        again.put("/policies/p", policy(false));
    }

    @Test
    void retentionMarksAndDeletesNothing() throws Exception {
        ApplianceClient api = cli.client();
        api.post("/policies", policy(false));
        for (int i = 0; i < 4; i++) {
            ApplianceClient.demandSuccess(api.run(body("kind", "BACKUP", "container", "c")));
        }
        Set<String> before = objects();
        List<Answer> all = api.list("/containers/c/points?expired=true");
        assertThat(all).hasSize(4);
        assertThat(api.list("/containers/c/points")).hasSize(2);
        String oldest = all.get(3).text("pointId");
        assertThat(all.get(3).flag("expired")).isTrue();
        assertThat(all.get(0).texts("keptBy")).contains("newest");
        Answer kept = api.put("/containers/c/points/" + oldest + "/protection", Map.of("protected", true));
        assertThat(kept.flag("protected")).isTrue();
        assertThat(kept.flag("expired")).isFalse();
        assertThat(api.list("/containers/c/points")).hasSize(3);
        assertThat(objects()).isEqualTo(before);
        ApplianceClient.demandSuccess(api.run(body("kind", "VERIFY", "container", "c")));
        assertThat(api.list("/containers/c/points")).allMatch(point -> point.has("verifiedAt"));
        api.put("/containers/c/points/" + oldest + "/protection", Map.of("protected", false));
        assertThat(api.list("/containers/c/points")).hasSize(2);
    }

    @Test
    void whatMakesNoSenseIsRefusedWithASentence() throws Exception {
        ApplianceClient api = cli.client();
        assertThatThrownBy(
                        () -> api.post("/policies/preview", Map.of("schedule", Map.of("kind", "CRON", "cron", "1 2"))))
                .hasMessageContaining("five are needed");
        assertThatThrownBy(() -> api.post("/policies/preview", Map.of("schedule", Map.of("kind", "EVERY"))))
                .hasMessageContaining("everySeconds");
        assertThatThrownBy(() -> api.post(
                        "/policies",
                        Map.of(
                                "name",
                                "q",
                                "containers",
                                List.of("nobody"),
                                "target",
                                "t",
                                "schedule",
                                Map.of("kind", "EVERY", "everySeconds", 300))))
                .hasMessageContaining("there is no container 'nobody'");
        Answer preview = api.post(
                "/policies/preview",
                Map.of("schedule", Map.of("kind", "CRON", "cron", "0 2 * * *", "zone", "Europe/Berlin")));
        assertThat(preview.text("sentence")).startsWith("every day at 02:00 Europe/Berlin");
        assertThat(preview.texts("next")).hasSize(5);
    }
}
