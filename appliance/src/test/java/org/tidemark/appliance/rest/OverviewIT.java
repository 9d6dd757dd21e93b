package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.SickDisk;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** "Am I safe?" from the first start on, and the same in numbers for Prometheus, in health and in the log. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "nbdkit", "nbdfuse"})
@Timeout(300)
class OverviewIT {
    /** An hour would do, but for a test that runs over the full one and sees a scheduled backup more. */
    private static final long SELDOM = 30L * 24 * 3600;

    private Cli cli;
    private ApplianceClient client;
    private Path mount;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("overview-");
        mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", cli.path("image").toString(), "--size", "256M", "--fs", "ext4");
        client = cli.client();
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private void says(String state, String sentence) throws IOException {
        Answer overview = client.get("/overview");
        assertThat(overview.text("state") + ": " + overview.text("sentence")).isEqualTo(state + ": " + sentence);
    }

    private static Map<String, Object> policy(long everySeconds) throws IOException {
        return body(
                "name",
                "p",
                "containers",
                List.of("c"),
                "target",
                "t",
                "schedule",
                body("kind", "EVERY", "everySeconds", everySeconds));
    }

    @Test
    void theAnswerFollowsWhatHappens() throws Exception {
        says("EMPTY", "Nothing is protected yet. Begin with a target: a place for backups.");
        Path target = cli.path("target");
        client.post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", target.toString())));
        says("EMPTY", "Nothing is protected yet. Add a container, then a policy.");
        client.post("/devices", body("image", cli.path("image").toString(), "mount", mount.toString()));
        client.post("/containers", body("name", "c", "mount", mount.toString()));
        says("ATTENTION", "Your container is in no policy.");
        assertThat(client.get("/overview").objects("attention"))
                .singleElement()
                .satisfies(one -> assertThat(one.text("name")).isEqualTo("c"));
        client.post("/policies", policy(SELDOM));
        ApplianceClient.demandSuccess(client.run(body("kind", "BACKUP", "container", "c")));
        says("SAFE", "Your container is safe.");
        Answer safe = client.get("/overview");
        assertThat(safe.object("containers").number("safe")).isEqualTo(1);
        assertThat(safe.object("jobs").number("succeededLastDay")).isEqualTo(1);
        assertThat(safe.number("shippedBytesLastDay")).isPositive();
        assertThat(safe.objects("attention")).isEmpty();

        // The target goes: the next backup fails, and that is said until one succeeds.
        Files.move(target, cli.path("gone"));
        assertThat(client.run(body("kind", "BACKUP", "container", "c")).text("state"))
                .isEqualTo("FAILED");
        says("DANGER", "Your container cannot be backed up.");
        assertThat(client.get("/overview").objects("attention").toString()).contains(target.toString());
        Files.move(cli.path("gone"), target);
        ApplianceClient.demandSuccess(client.run(body("kind", "BACKUP", "container", "c")));
        says("SAFE", "Your container is safe.");

        // A promise of every ten seconds that nothing can keep while the target is away.
        client.put("/policies/p", policy(10));
        Files.move(target, cli.path("gone"));
        Cli.await("it is late or failing", () -> List.of("ATTENTION", "DANGER")
                .contains(client.get("/overview").text("state")));
        Files.move(cli.path("gone"), target);
        Cli.await(
                "it is safe again", () -> client.get("/overview").text("state").equals("SAFE"));
        client.delete("/policies/p");
        client.delete("/containers/c");
        says("EMPTY", "Nothing is protected yet. Add a container, then a policy.");
    }

    /** The samples of a page of metrics by name and labels. */
    private Map<String, Double> metrics() throws Exception {
        Api reader = Api.of(cli.appliance()).withToken(cli.appliance().localToken());
        Map<String, Double> samples = new LinkedHashMap<>();
        for (String line : reader.get("/q/metrics").is(200).body().lines().toList()) {
            int end = line.lastIndexOf(' ');
            if (line.startsWith("tidemark_") && end > 0) {
                samples.put(line.substring(0, end), Double.parseDouble(line.substring(end + 1)));
            }
        }
        return samples;
    }

    private static double bytes(Map<String, Double> samples, String what) {
        return samples.getOrDefault("tidemark_backup_bytes_total{container=\"c\",what=\"" + what + "\"}", -1.0);
    }

    private record FullDevice(String id, Process writer) {}

    /** One on a full disk, with limits that were changed while it is attached, and a writer that waits. */
    private FullDevice fullDevice() throws Exception {
        Path small = Files.createDirectory(cli.path("small"));
        Mounts.mount("small", small, "tmpfs", 0, "size=8m");
        Path image = small.resolve("image");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--no-partition");
        Answer attached = client.post("/devices", body("image", image.toString()));
        String id = attached.text("deviceId");
        client.patch("/devices/" + id, body("iops", 5000, "bytesPerSecond", 100 << 20));
        Answer settings = client.list("/devices").stream()
                .filter(one -> one.text("deviceId").equals(id))
                .findFirst()
                .orElseThrow()
                .object("settings");
        assertThat(settings.number("iops")).isEqualTo(5000);
        assertThat(settings.number("bytesPerSecond")).isEqualTo(100 << 20);
        assertThat(settings.text("onFull")).isEqualTo("wait");
        Api admin = Api.of(cli.appliance()).withToken(cli.appliance().localToken());
        assertThat(admin.patch("/api/v1/devices/" + id, "{\"iops\":-1}").status())
                .isEqualTo(400);
        assertThat(admin.patch("/api/v1/devices/" + id, "{\"onFull\":\"never\"}")
                        .status())
                .isEqualTo(400);
        assertThat(admin.patch("/api/v1/devices/none", "{\"iops\":1}").status()).isEqualTo(404);
        Process writer = Commands.start(
                cli.path("dd.out"),
                "dd",
                "if=/dev/urandom",
                "of=" + attached.text("blockDevice"),
                "bs=1M",
                "count=16",
                "oflag=direct");
        return new FullDevice(id, writer);
    }

    private Map<String, String> doctor() throws Exception {
        long begun = System.nanoTime();
        Map<String, String> states = new LinkedHashMap<>();
        for (Object one : cli.run("doctor", "--json").jsonRows()) {
            Map<?, ?> row = (Map<?, ?>) one;
            states.put(String.valueOf(row.get("what")), row.get("state") + " " + row.get("do"));
        }
        assertThat(System.nanoTime() - begun).as("doctor waits for no disk").isLessThan(30_000_000_000L);
        return states;
    }

    /** One whose disk hangs, with a writer: {@code doctor} tells, and then it is aborted. */
    private String abortedDevice(SickDisk sick, String healthy) throws Exception {
        Path image = sick.mount().resolve("image");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--no-partition");
        Commands.run(Cli.LIMIT, "sync", "-f", image.toString());
        Answer attached = client.post("/devices", body("image", image.toString()));
        String id = attached.text("deviceId");
        assertThat(doctor()).containsEntry("device " + id, "ok ").containsEntry("device " + healthy, "ok ");
        sick.hang();
        Process writer = Commands.start(
                cli.path("stuck.out"),
                "dd",
                "if=/dev/zero",
                "of=" + attached.text("blockDevice"),
                "bs=1M",
                "count=4",
                "oflag=direct");
        Path stat =
                Path.of("/sys/block/" + Path.of(attached.text("blockDevice")).getFileName() + "/inflight");
        Cli.await(
                "a request is on its way", () -> !Files.readString(stat).strip().matches("0\\s+0"));
        assertThat(doctor().get("device " + id)).startsWith("STUCK ").contains("none was answered", image.toString());
        assertThat(doctor()).containsEntry("device " + healthy, "ok ");
        client.delete("/devices/" + id + "?abort=true");
        assertThat(writer.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(cli.path("stuck.out"))).contains("Input/output error");
        assertThat(doctor().get("device " + id)).startsWith("ABORTED it was aborted");
        return id;
    }

    /** Gauges are made anew every ten seconds, and a look may fall between. */
    private double metric(String name) throws Exception {
        Map<String, Double> seen = metrics();
        for (int look = 0; !seen.containsKey(name) && look < 100; look++) {
            TimeUnit.MILLISECONDS.sleep(20);
            seen = metrics();
        }
        return seen.get(name);
    }

    private void troubleIsCounted(String deviceId, FullDevice full, String aborted) throws Exception {
        // A metric that is always the same would pass so far.
        double writes = metric("tidemark_device_requests{device=\"" + deviceId + "\",operation=\"write\"}");
        Cli.random(mount.resolve("more"), 0, 8);
        Cli.await("the device's writes are counted", () -> {
            try {
                Map<String, Double> now = metrics();
                return now.getOrDefault(
                                        "tidemark_device_requests{device=\"" + deviceId + "\",operation=\"write\"}",
                                        -1.0)
                                > writes
                        && now.getOrDefault("tidemark_device_waiting_for_space{device=\"" + full.id + "\"}", 0.0) > 0
                        && now.getOrDefault("tidemark_device_healthy{device=\"" + full.id + "\"}", 1.0) == 0
                        && now.getOrDefault("tidemark_device_healthy{device=\"" + aborted + "\"}", 1.0) == 0
                        && now.getOrDefault("tidemark_device_waiting_for_space{device=\"" + deviceId + "\"}", 1.0) == 0
                        && now.getOrDefault("tidemark_device_healthy{device=\"" + deviceId + "\"}", 0.0) == 1;
            } catch (Exception e) {
                throw new IOException(e);
            }
        });
    }

    @Test
    void numbersAreThoseOfTheJobs() throws Exception {
        client.post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", cli.path("target"))));
        Answer device = client.post("/devices", body("image", cli.path("image"), "mount", mount.toString()));
        client.post("/containers", body("name", "c", "mount", mount.toString()));
        client.post("/policies", policy(SELDOM));
        Map<String, Long> sums = new LinkedHashMap<>();
        for (int i = 1; i <= 2; i++) {
            Cli.random(mount.resolve("file" + i), 0, 3);
            Answer result = ApplianceClient.demandSuccess(client.run(body("kind", "BACKUP", "container", "c")))
                    .object("result");
            for (String what : List.of("Read", "Changed", "Shipped", "Stored")) {
                assertThat(result.number("bytes" + what)).as(what).isPositive();
                sums.merge(what.toLowerCase(java.util.Locale.ROOT), result.number("bytes" + what), Long::sum);
            }
        }
        Map<String, Double> seen = metrics();
        sums.forEach((what, sum) -> assertThat(bytes(seen, what)).as(what).isEqualTo(sum.doubleValue()));
        assertThat(seen).containsEntry("tidemark_jobs_total{kind=\"backup\",state=\"succeeded\"}", 2.0);
        assertThat(seen).containsEntry("tidemark_freeze_seconds_count", 2.0);
        assertThat(seen.keySet()).anyMatch(name -> name.startsWith("tidemark_freeze_seconds_bucket{le="));
        String deviceId = device.text("deviceId");
        Cli.await("the state was looked at", () -> {
            try {
                Map<String, Double> now = metrics();
                return now.getOrDefault("tidemark_container_safe{container=\"c\"}", 0.0) == 1
                        && now.getOrDefault("tidemark_container_rpo_age_seconds{container=\"c\"}", -1.0) >= 0
                        && now.getOrDefault("tidemark_container_rpo_allowed_seconds{container=\"c\"}", 0.0) >= 3600
                        && now.getOrDefault("tidemark_target_reachable{target=\"t\"}", 0.0) == 1
                        && now.getOrDefault(
                                        "tidemark_device_requests{device=\"" + deviceId + "\",operation=\"write\"}",
                                        0.0)
                                > 0
                        && now.getOrDefault(
                                        "tidemark_device_seconds{device=\"" + deviceId + "\",operation=\"write\"}",
                                        -1.0)
                                >= 0;
            } catch (Exception e) {
                throw new IOException(e);
            }
        });
        FullDevice full = fullDevice();
        try (SickDisk sick = SickDisk.start(cli.folder())) {
            troubleIsCounted(deviceId, full, abortedDevice(sick, deviceId));
            sick.goOn();
            Cli.await(
                    "the image of the aborted one is closed",
                    () -> client.list("/devices").size() == 2);
        }
        Answer failing = client.patch("/devices/" + full.id, body("onFull", "error"));
        assertThat(failing.object("settings").text("onFull")).isEqualTo("error");
        assertThat(failing.object("settings").number("iops"))
                .as("what is not named stays")
                .isEqualTo(5000);
        assertThat(full.writer.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(cli.path("dd.out"))).contains("No space left");
        client.delete("/devices/" + deviceId + "?abort=true");
        assertThat(Mounts.at(mount)).as("aborted as it was mounted").isEmpty();
        assertThat(client.list("/devices"))
                .extracting(one -> one.text("deviceId"))
                .containsExactly(full.id);
        client.delete("/devices/" + full.id);
        Api nobody = Api.of(cli.appliance());
        assertThat(nobody.get("/q/metrics").status()).isEqualTo(401);
        assertThat(nobody.get("/q/health/ready").is(200).body()).contains("UP");
        assertThat(nobody.get("/q/health/live").is(200).body()).contains("UP");
        List<Answer> jobs = client.list("/jobs");
        assertThat(jobs).hasSize(2);
        for (Answer job : jobs) {
            assertThat(cli.appliance().said()).contains("job=" + job.text("id") + " ");
        }
    }
}
