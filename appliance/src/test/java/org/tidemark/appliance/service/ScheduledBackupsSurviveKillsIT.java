package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.demo.LoadProcess;
import org.tidemark.appliance.demo.PointProof;
import org.tidemark.backup.target.s3.S3Credentials;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.server.DeviceServerMain;
import org.tidemark.ploop.server.HolderMain;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * A container that writes all the time, a policy of ten seconds to a real S3 store, and kill -9 of everything in turn: no point is
 * lost, none is wrong, and the container notices pauses only. {@code -Dkills=20} for a long run, {@code -Dseed=} to repeat one.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4", RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY})
@Timeout(1800)
class ScheduledBackupsSurviveKillsIT {
    private static final int KILLS = Integer.getInteger("kills", 2);
    private static final long SEED = Long.getLong("seed", System.nanoTime());
    private static final int RESTORED = KILLS > 2 ? Integer.MAX_VALUE : 2;
    private static final Duration LIMIT = Duration.ofSeconds(240);

    private final Random random = new Random(SEED);
    private final List<String> killed = new ArrayList<>();
    private final List<Victim> victims = new ArrayList<>();
    private Cli cli;
    private RadosGateway gateway;

    /** Who is killed. */
    private enum Victim {
        APPLIANCE,
        DEVICE_SERVER,
        HOLDER,
        GATEWAY
    }

    @BeforeEach
    void start() throws Exception {
        System.out.println("replay with -Dseed=" + SEED + " -Dkills=" + KILLS);
        gateway = RadosGateway.shared();
        cli = Cli.start("kills-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    @Test
    void noPointIsLostAndNoneIsWrong() throws Exception {
        Path image = cli.path("image");
        Path mount = Files.createDirectory(cli.path("mnt"));
        ApplianceClient api = cli.client();
        cli.ok("image", "create", image.toString(), "--size", "1G", "--fs", "ext4");
        Answer device = api.post("/devices", body("image", image.toString(), "mount", mount.toString()));
        setUp(api, mount);
        Path log = cli.path("load.log");
        try (LoadProcess load = LoadProcess.start(Files.createDirectory(mount.resolve("load")), cli.folder())) {
            assertThat(load.log()).isEqualTo(log);
            await("the load has made its database", () -> Files.exists(log) && Files.size(log) > 100_000);
            ApplianceClient.demandSuccess(api.run(body("kind", "BACKUP", "container", "c")));
            for (int i = 0; i < KILLS; i++) {
                pause(1_000 + random.nextInt(7_000));
                load.demandRunning();
                // The schedule's own backups are short: two of three kills are aimed into one.
                if (random.nextInt(3) > 0) {
                    cli.client().post("/jobs", body("kind", "BACKUP", "container", "c"));
                    pause(random.nextInt(1_500));
                }
                kill(nextVictim());
            }
            awaitIncrement(cli.client());
            load.demandRunning();
            load.stop();
        }
        ApplianceClient now = cli.client();
        endPolicy(now);
        check(now, log);
        now.delete("/devices/" + device.text("deviceId"));
    }

    private void setUp(ApplianceClient api, Path mount) throws IOException {
        S3Credentials.Given keys = (S3Credentials.Given) gateway.credentials();
        api.post(
                "/targets",
                body(
                        "name",
                        "store",
                        "kind",
                        "S3",
                        "s3",
                        Map.of(
                                "endpoint",
                                gateway.endpoint().toString(),
                                "bucket",
                                gateway.newBucket(),
                                "pathStyle",
                                true,
                                "checksumMode",
                                "WHEN_REQUIRED",
                                "credentials",
                                Map.of("accessKey", keys.accessKey(), "secretKey", keys.secretKey()))));
        api.post("/containers", body("name", "c", "mount", mount.toString()));
        api.post("/policies", policy(true));
    }

    private static Map<String, Object> policy(boolean enabled) {
        return Map.of(
                "name",
                "often",
                "containers",
                List.of("c"),
                "target",
                "store",
                "schedule",
                Map.of("kind", "EVERY", "everySeconds", 10),
                "enabled",
                enabled);
    }

    /** All of them in turn, in an order of chance. */
    private Victim nextVictim() {
        if (victims.isEmpty()) {
            victims.addAll(List.of(Victim.values()));
            Collections.shuffle(victims, random);
        }
        return victims.remove(0);
    }

    private void kill(Victim victim) throws Exception {
        killed.add(victim.name().toLowerCase(Locale.ROOT));
        System.out.println("kill -9 " + victim);
        switch (victim) {
            case APPLIANCE -> {
                cli.appliance().kill();
                pause(random.nextInt(3_000));
                cli.startAppliance();
            }
            case DEVICE_SERVER -> killServer(DeviceServerMain.class);
            case HOLDER -> killServer(HolderMain.class);
            case GATEWAY -> {
                gateway.killGateway();
                pause(random.nextInt(3_000));
                gateway.startGateway();
            }
        }
    }

    /** Both dead at once would be more than is promised: the successor is awaited before the next kill. */
    private void killServer(Class<?> main) throws Exception {
        long victim = pid(main);
        ProcessHandle.of(victim).ifPresent(ProcessHandle::destroyForcibly);
        await("a successor of " + main.getSimpleName(), () -> pid(main) > 0 && pid(main) != victim);
    }

    /** The server's main class is an argument of the holder too; only as the main class it is followed by the run folder. */
    private long pid(Class<?> main) {
        String words = main.getName() + "\0--run=" + cli.path("run");
        return ProcessHandle.allProcesses()
                .filter(process -> commandLine(process).contains(words))
                .mapToLong(ProcessHandle::pid)
                .findFirst()
                .orElse(-1);
    }

    private static void await(String what, Cli.Check check) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!check.holds()) {
            assertThat(System.nanoTime()).as(what).isLessThan(end);
            pause(100);
        }
    }

    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", String.valueOf(process.pid()), "cmdline"));
        } catch (IOException e) {
            return "";
        }
    }

    private static void pause(long millis) {
        long end = System.nanoTime() + Duration.ofMillis(millis).toNanos();
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static List<Answer> backups(ApplianceClient api) throws IOException {
        return api.list("/jobs?kind=BACKUP");
    }

    /** Something is right again when a backup that began after the last kill has read only what changed. */
    private static void awaitIncrement(ApplianceClient api) throws Exception {
        Instant after = Instant.now();
        await("an incremental backup after the last kill", () -> backups(api).stream()
                .anyMatch(job -> job.text("state").equals("SUCCEEDED")
                        && Instant.parse(job.text("createdAt")).isAfter(after)
                        && job.object("result").text("mode").equals("INCREMENTAL")));
    }

    private static void endPolicy(ApplianceClient api) throws Exception {
        api.put("/policies/often", policy(false));
        await("the last job ends", () -> backups(api).stream()
                .noneMatch(job -> Set.of("QUEUED", "RUNNING").contains(job.text("state"))));
    }

    private void check(ApplianceClient api, Path log) throws Exception {
        List<Answer> jobs = backups(api);
        List<Answer> succeeded = jobs.stream()
                .filter(job -> job.text("state").equals("SUCCEEDED"))
                .toList();
        List<String> promised = succeeded.stream()
                .map(job -> job.object("result").text("pointId"))
                .toList();
        List<String> listed = api.list("/containers/c/points?target=store&expired=true").stream()
                .map(point -> point.text("pointId"))
                .toList();
        ApplianceClient.demandSuccess(api.run(body("kind", "VERIFY")));
        int restored = 0;
        List<String> wrong = new ArrayList<>();
        for (Answer job : succeeded) {
            Answer result = job.object("result");
            if (restored < RESTORED && result.has("frozenNanos")) {
                restored++;
                Path image = cli.path("restored-" + restored);
                PointProof.Outcome proof = PointProof.of(api, "c", result, image, cli.path("root-" + restored), log);
                api.delete("/devices/" + proof.deviceId());
                Commands.run(Cli.LIMIT, "rm", "-r", image.toString());
                if (!proof.holds()) {
                    wrong.add("point " + result.text("pointId") + " of grade " + result.text("grade") + ", "
                            + result.text("mode") + ", attempt " + job.number("attempt") + ", of "
                            + job.text("createdAt")
                            + ", frozen " + result.number("frozenNanos") + " ns: " + proof.words());
                }
            }
        }
        System.out.println(table(jobs, promised, listed, restored, wrong.size()));
        assertThat(lost(promised, listed)).as("lost points").isEmpty();
        assertThat(jobs.stream().flatMap(job -> job.texts("notices").stream()))
                .as("the file system is found while a device server takes over, too")
                .noneMatch(notice -> notice.contains("no mounted file system"));
        assertThat(new HashSet<>(promised)).as("no two jobs share a point").hasSameSizeAs(promised);
        assertThat(wrong).as("wrong restores").isEmpty();
        assertThat(restored).isGreaterThanOrEqualTo(Math.min(2, succeeded.size()));
    }

    static List<String> lost(List<String> promised, List<String> listed) {
        return promised.stream().filter(point -> !listed.contains(point)).toList();
    }

    @Test
    void theCheckSeesALostPoint() {
        assertThat(lost(List.of("a", "b"), List.of("b"))).containsExactly("a");
    }

    private String table(List<Answer> jobs, List<String> promised, List<String> listed, int restored, int wrong) {
        Map<String, Integer> victims = new TreeMap<>();
        killed.forEach(one -> victims.merge(one, 1, Integer::sum));
        Map<String, Integer> reasons = new TreeMap<>();
        jobs.stream()
                .filter(job -> job.text("state").equals("FAILED"))
                .forEach(job -> reasons.merge(job.object("error").text("detail"), 1, Integer::sum));
        long again = jobs.stream().filter(job -> job.number("attempt") > 1).count();
        StringBuilder text = new StringBuilder("\n| what | |\n|---|---|\n");
        text.append("| kill -9 | ").append(victims).append(" |\n");
        text.append("| seed | ").append(SEED).append(" |\n");
        text.append("| backup jobs | ").append(jobs.size()).append(" |\n");
        text.append("| succeeded | ").append(promised.size()).append(" |\n");
        text.append("| of them run again after a kill of the appliance | ")
                .append(again)
                .append(" |\n");
        text.append("| failed, with the reason | ").append(reasons).append(" |\n");
        text.append("| of them of grade crash, the freeze having been hit | ")
                .append(jobs.stream()
                        .filter(job -> job.text("state").equals("SUCCEEDED")
                                && job.object("result").text("grade").equals("CRASH"))
                        .count())
                .append(" |\n");
        text.append("| points in the repository | ").append(listed.size()).append(" |\n");
        text.append("| lost points | ").append(lost(promised, listed).size()).append(" |\n");
        text.append("| restored and compared | ").append(restored).append(" |\n");
        text.append("| wrong restores | ").append(wrong).append(" |\n");
        return text.toString();
    }
}
