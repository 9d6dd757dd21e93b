package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
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
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.server.FioRounds;
import org.tidemark.ploop.server.FreezeWatch;
import org.tidemark.ploop.server.RunFolder;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * Holder, device server and appliance, run by systemd from the product's own units, killed in every combination, also all at
 * once and again while they come back, while fio verifies one device and PostgreSQL works on another: neither sees anything but
 * pauses. {@code -Dkills=300} for a long run, {@code -Dseed=} to repeat one.
 */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "systemctl", "nsenter", "runuser", PostgresLoad.SERVER})
@Timeout(3600)
class KillMatrixIT {
    private static final String WORD = "kill-matrix-";
    /** Of each process. */
    private static final int KILLS = Integer.getInteger("kills", 20);

    private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xffffff);
    private static final long LONGEST_PAUSE_MILLIS = 400;
    private static final long LONGEST_GAP_MICROS = 30_000;

    private final Map<Victim, Integer> killed = new EnumMap<>(Victim.class);
    private final Map<String, List<Long>> pauses = new TreeMap<>();
    private Cli cli;
    private ServiceUnits units;

    private enum Victim {
        HOLDER,
        DEVICE_SERVER,
        APPLIANCE
    }

    private static final List<Set<Victim>> COMBINATIONS = List.of(
            EnumSet.of(Victim.HOLDER),
            EnumSet.of(Victim.DEVICE_SERVER),
            EnumSet.of(Victim.APPLIANCE),
            EnumSet.of(Victim.HOLDER, Victim.DEVICE_SERVER),
            EnumSet.of(Victim.HOLDER, Victim.APPLIANCE),
            EnumSet.of(Victim.DEVICE_SERVER, Victim.APPLIANCE),
            EnumSet.allOf(Victim.class));

    @BeforeEach
    void start() throws Exception {
        ServiceUnits.clear(WORD);
        cli = Cli.start(WORD);
    }

    @AfterEach
    void stop() throws IOException {
        units.close();
        cli.close();
    }

    @Test
    void whoeverIsKilledContainersSeePausesOnly() throws Exception {
        Seeds.replayable(getClass(), SEED, this::killAllInTurn);
    }

    /** Without its second keeper the death of both is what it always was: an error. So the test above can fail. */
    @Test
    void withoutDescriptorsKeptBySystemdTheDeathOfBothIsAnError() throws Exception {
        units = ServiceUnits.of(cli, "FileDescriptorStoreMax=0");
        units.control("start", ServiceUnits.DATA_PLANE);
        cli.ok("image", "create", cli.path("raw").toString(), "--size", "256M", "--no-partition");
        String raw = cli.attach(cli.path("raw"), "--name", "raw");
        assertThat(units.descriptors(ServiceUnits.DATA_PLANE)).isZero();
        try (FioRounds fio = new FioRounds(cli.path("fio.out"), raw, "--size=48m")) {
            Cli.await("fio writes", () -> Files.exists(cli.path("fio.out")));
            kill(Victim.HOLDER);
            kill(Victim.DEVICE_SERVER);
            Cli.await("fio sees it", () -> {
                try {
                    fio.requireHealthy();
                    return false;
                } catch (AssertionError e) {
                    return true;
                }
            });
        }
        Cli.await(
                "the device is cleared away",
                () -> units.isActive(ServiceUnits.DATA_PLANE)
                        && cli.ok("devices", "--json").jsonRows().isEmpty());
        cli.ok("image", "check", cli.path("raw").toString());
    }

    @Test
    void aNewHolderThawsWhatItsPredecessorWatched() throws Exception {
        units = ServiceUnits.of(cli);
        units.control("start", ServiceUnits.DATA_PLANE);
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", cli.path("image").toString(), "--size", "64M", "--fs", "ext4");
        String block = cli.attach(cli.path("image"), "--name", "d");
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        RunFolder run = RunFolder.at(cli.path("run"));
        try (NativeFile directory = NativeFile.open(mount, NativeFile.READ_ONLY, 0);
                FreezeWatch watch = FreezeWatch.arm(run, directory, Duration.ofSeconds(2))) {
            Commands.run(Cli.LIMIT, "fsfreeze", "-f", mount.toString());
            kill(Victim.HOLDER);
            Commands.run(Cli.LIMIT, "touch", mount.resolve("file").toString());
            assertThatThrownBy(watch::callOff).isInstanceOf(IOException.class);
        } finally {
            Commands.tryRun(Cli.LIMIT, "fsfreeze", "-u", mount.toString());
        }
        cli.ok("detach", "d");
        Cli.await("nothing is kept any more", () -> units.descriptors(ServiceUnits.DATA_PLANE) == 0);
    }

    private void killAllInTurn(Random random) throws Exception {
        units = ServiceUnits.of(cli);
        units.control("start", ServiceUnits.DATA_PLANE, ServiceUnits.APPLIANCE);
        Path mount = Files.createDirectory(cli.path("mnt"));
        for (String name : List.of("raw", "database")) {
            cli.ok("image", "create", cli.path(name).toString(), "--size", "1G", "--no-partition");
        }
        String raw = cli.attach(cli.path("raw"), "--name", "raw");
        String database = cli.attach(cli.path("database"), "--name", "database");
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", database);
        Commands.run(Cli.LIMIT, "mount", database, mount.toString());
        int kept = units.descriptors(ServiceUnits.DATA_PLANE);
        assertThat(kept).as("a connection and a lock for each device").isEqualTo(4);
        int rounds;
        long rows;
        try (FioRounds fio = new FioRounds(cli.path("fio.out"), raw, "--size=48m");
                PostgresLoad postgres = PostgresLoad.start(mount, Files.createDirectory(cli.path("postgres")))) {
            postgres.takeSlowestMillis();
            int next = 0;
            while (killed.size() < Victim.values().length || Collections.min(killed.values()) < KILLS) {
                killTogether(COMBINATIONS.get(next++ % COMBINATIONS.size()), postgres, random);
                fio.requireHealthy();
                postgres.requireHealthy();
            }
            awaitAllBack();
            rounds = fio.stop();
            postgres.stopAndProve();
            rows = postgres.acknowledged();
        }
        System.out.println("killed " + killed + " with seed " + SEED + "; fio verified " + rounds
                + " rounds, PostgreSQL" + " has all of " + rows + " rows; longest commits in ms: " + summary());
        Commands.run(Cli.LIMIT, "umount", mount.toString());
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", database);
        assertThat(units.descriptors(ServiceUnits.DATA_PLANE)).isEqualTo(kept);
        cli.ok("detach", "--all");
        assertThat(units.descriptors(ServiceUnits.DATA_PLANE)).isZero();
        for (String name : List.of("raw", "database")) {
            cli.ok("image", "check", cli.path(name).toString());
        }
    }

    private void killTogether(Set<Victim> victims, PostgresLoad postgres, Random random) throws Exception {
        LockSupport.parkNanos(random.nextLong(LONGEST_PAUSE_MILLIS) * 1_000_000);
        List<Victim> order = new ArrayList<>(victims);
        Collections.shuffle(order, random);
        for (Victim victim : order) {
            kill(victim);
            LockSupport.parkNanos(random.nextLong(LONGEST_GAP_MICROS) * 1_000);
        }
        // One in three is hit again before everything is back.
        if (random.nextInt(3) == 0) {
            return;
        }
        awaitAllBack();
        long before = postgres.acknowledged();
        Cli.await("commits go on", () -> {
            postgres.requireHealthy();
            return postgres.acknowledged() > before + 2;
        });
        pauses.computeIfAbsent(victims.toString(), key -> new ArrayList<>()).add(postgres.takeSlowestMillis());
    }

    private void kill(Victim victim) throws Exception {
        Cli.await("a " + victim + " to kill", () -> process(victim) > 0);
        if (Processes.byPid(process(victim)).signal(Processes.KILL)) {
            killed.merge(victim, 1, Integer::sum);
        }
    }

    private long process(Victim victim) throws IOException, InterruptedException {
        return switch (victim) {
            case HOLDER -> units.mainProcess(ServiceUnits.DATA_PLANE);
            case APPLIANCE -> units.mainProcess(ServiceUnits.APPLIANCE);
            case DEVICE_SERVER -> cli.deviceServer();
        };
    }

    private void awaitAllBack() throws Exception {
        Cli.await("the data plane is back", () -> units.isActive(ServiceUnits.DATA_PLANE));
        Cli.await("both devices are served", () -> {
            List<Object> devices = cli.ok("devices", "--json").jsonRows();
            return devices.size() == 2
                    && devices.stream().allMatch(one -> "SERVING".equals(((Map<?, ?>) one).get("state")));
        });
    }

    private String summary() {
        StringBuilder text = new StringBuilder();
        pauses.forEach((who, millis) -> {
            Collections.sort(millis);
            text.append(who)
                    .append(" median ")
                    .append(millis.get(millis.size() / 2))
                    .append(" max ")
                    .append(millis.get(millis.size() - 1))
                    .append("; ");
        });
        return text.toString();
    }
}
