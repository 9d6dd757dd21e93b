package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.cli.OwnServerProcesses;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.server.FioRounds;
import org.tidemark.ploop.server.FsyncWriter;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * The NFS server of an image, its own device server and that one's holder, the host's device server and the appliance, killed
 * one by one and in pairs, while fio verifies files on the image and numbered records are synced to it: whoever uses it sees
 * nothing but pauses. {@code -Dkills=20} (of each) for a long run, in which PostgreSQL works on it too; {@code -Dseed=} to
 * repeat one.
 */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "e2fsck", "ganesha.nfsd", "rpcbind", "ip"})
@EnabledIfSystemProperty(named = "kills", matches = "[0-9]+", disabledReason = "takes minutes: -Dkills=20")
@Timeout(3600)
class NfsKillMatrixIT {
    private static final String WORD = "nfs-kill-matrix-";
    /** Of each process. */
    private static final int KILLS = Integer.getInteger("kills", 1);

    private static final boolean LONG = KILLS > 5;
    private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xffffff);
    private static final long LONGEST_PAUSE_MILLIS = 400;
    private static final long LONGEST_GAP_MICROS = 30_000;

    private static NfsServerProcess nfs;
    private static Cli cli;

    private final Map<Victim, Integer> killed = new EnumMap<>(Victim.class);
    private final Map<String, List<Long>> pauses = new TreeMap<>();
    private final Map<String, List<Long>> commits = new TreeMap<>();

    private enum Victim {
        NFS_SERVER,
        DEVICE_SERVER,
        HOLDER,
        HOST_DEVICE_SERVER,
        APPLIANCE
    }

    /** Not the image's device server together with its holder: that is the end of the attachment, see below. */
    private static final List<Set<Victim>> COMBINATIONS = List.of(
            EnumSet.of(Victim.NFS_SERVER, Victim.DEVICE_SERVER),
            EnumSet.of(Victim.HOLDER, Victim.HOST_DEVICE_SERVER),
            EnumSet.of(Victim.DEVICE_SERVER, Victim.APPLIANCE),
            EnumSet.of(Victim.NFS_SERVER),
            EnumSet.of(Victim.DEVICE_SERVER),
            EnumSet.of(Victim.HOLDER),
            EnumSet.of(Victim.HOST_DEVICE_SERVER),
            EnumSet.of(Victim.APPLIANCE),
            EnumSet.of(Victim.NFS_SERVER, Victim.HOLDER),
            EnumSet.of(Victim.NFS_SERVER, Victim.APPLIANCE),
            EnumSet.of(Victim.NFS_SERVER, Victim.HOST_DEVICE_SERVER),
            EnumSet.of(Victim.DEVICE_SERVER, Victim.HOST_DEVICE_SERVER),
            EnumSet.of(Victim.HOLDER, Victim.APPLIANCE));

    @BeforeAll
    static void start() throws Exception {
        nfs = NfsServerProcess.start();
        cli = Cli.start(WORD);
    }

    @AfterAll
    static void stop() throws Exception {
        cli.close();
        nfs.close();
    }

    private static String newImage(String name, String size) throws Exception {
        String image = "nfs://" + nfs.address() + nfs.export() + "/" + name;
        cli.ok("image", "create", image, "--size", size, "--no-partition");
        return image;
    }

    private static String attach(String image, String name) throws Exception {
        return String.valueOf(
                cli.ok("attach", image, "--name", name, "--json").json().get("blockDevice"));
    }

    @Test
    void whoeverIsKilledTheContainerSeesPausesOnly() throws Exception {
        Seeds.replayable(getClass(), SEED, this::killAllInTurn);
    }

    private void killAllInTurn(Random random) throws Exception {
        String image = newImage("disk", "4G");
        String block = attach(image, "disk");
        OwnServerProcesses own = OwnServerProcesses.of(cli.path("run"), image);
        Path mount = Files.createDirectory(cli.path("mnt"));
        Commands.run(Cli.LIMIT, "mkfs.ext4", "-q", "-E", "nodiscard", block);
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        cli.startAppliance();
        Path records = mount.resolve("records");
        int rounds;
        long rows = 0;
        long acknowledged;
        try (PostgresLoad postgres = postgres(mount);
                FsyncWriter writer = new FsyncWriter(records);
                FioRounds fio =
                        new FioRounds(cli.path("fio.out"), mount.resolve("fio").toString(), "--size=16m")) {
            int next = 0;
            while (killed.size() < Victim.values().length || Collections.min(killed.values()) < KILLS) {
                killTogether(COMBINATIONS.get(next++ % COMBINATIONS.size()), own, random);
                awaitAllBack(own, writer);
                fio.requireHealthy();
                note(COMBINATIONS.get((next - 1) % COMBINATIONS.size()), writer, postgres);
            }
            rounds = fio.stop();
            acknowledged = writer.stop();
            if (postgres != null) {
                postgres.stopAndProve();
                rows = postgres.acknowledged();
            }
        }
        assertThat(rounds).isPositive();
        cli.ok("detach", "disk");
        block = attach(image, "disk");
        Commands.run(Cli.LIMIT, "mount", block, mount.toString());
        assertThat(FsyncWriter.missing(records, acknowledged)).isEmpty();
        Commands.run(Cli.LIMIT, "umount", mount.toString());
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", block);
        cli.ok("detach", "disk");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
        System.out.println("killed " + killed + " with seed " + SEED + "; fio verified " + rounds + " rounds, all of "
                + acknowledged + " records are there, PostgreSQL has all of " + rows + " rows\nlongest writes in ms:\n"
                + summary(pauses) + "longest commits in ms:\n" + summary(commits));
    }

    private static @Nullable PostgresLoad postgres(Path mount) throws Exception {
        if (!LONG) {
            return null;
        }
        PostgresLoad load = PostgresLoad.start(mount, Files.createDirectory(cli.path("postgres")));
        load.takeSlowestMillis();
        return load;
    }

    private void killTogether(Set<Victim> victims, OwnServerProcesses own, Random random) throws Exception {
        LockSupport.parkNanos(random.nextLong(LONGEST_PAUSE_MILLIS) * 1_000_000);
        List<Victim> order = new ArrayList<>(victims);
        Collections.shuffle(order, random);
        for (Victim victim : order) {
            kill(victim, own);
            LockSupport.parkNanos(random.nextLong(LONGEST_GAP_MICROS) * 1_000);
        }
        if (victims.contains(Victim.NFS_SERVER)) {
            // The successor of whoever was killed with it finds it gone.
            LockSupport.parkNanos(random.nextLong(LONGEST_PAUSE_MILLIS) * 1_000_000);
            nfs.run();
        }
        if (victims.contains(Victim.APPLIANCE)) {
            cli.appliance().start();
        }
    }

    private void kill(Victim victim, OwnServerProcesses own) throws Exception {
        switch (victim) {
            case NFS_SERVER -> nfs.kill();
            case APPLIANCE -> cli.appliance().kill();
            case DEVICE_SERVER -> killProcess(own.server());
            case HOLDER -> killProcess(own.holder());
            case HOST_DEVICE_SERVER -> killProcess(cli.deviceServer());
        }
        killed.merge(victim, 1, Integer::sum);
    }

    private static void killProcess(long pid) throws IOException {
        assertThat(pid).as("a process to kill").isPositive();
        assertThat(Processes.byPid(pid).signal(Processes.KILL)).isTrue();
    }

    private static void awaitAllBack(OwnServerProcesses own, FsyncWriter writer) throws Exception {
        Cli.await("host's device server and the image's are there", () -> cli.deviceServer() != 0 && own.server() != 0);
        Cli.await("a holder with the connection", () -> own.holderKeeps(1));
        Cli.await("the device is served", () -> {
            List<Object> devices = cli.ok("devices", "--json").jsonRows();
            return devices.size() == 1 && "SERVING".equals(((Map<?, ?>) devices.get(0)).get("state"));
        });
        long before = writer.acknowledged();
        Cli.await("writes go on", () -> writer.acknowledged() > before + 2);
    }

    private void note(Set<Victim> victims, FsyncWriter writer, @Nullable PostgresLoad postgres) throws IOException {
        pauses.computeIfAbsent(victims.toString(), key -> new ArrayList<>()).add(writer.takeSlowestMillis());
        if (postgres != null) {
            postgres.requireHealthy();
            commits.computeIfAbsent(victims.toString(), key -> new ArrayList<>())
                    .add(postgres.takeSlowestMillis());
        }
    }

    private static String summary(Map<String, List<Long>> measured) {
        StringBuilder text = new StringBuilder();
        measured.forEach((who, millis) -> {
            Collections.sort(millis);
            text.append(who)
                    .append(" times ")
                    .append(millis.size())
                    .append(" median ")
                    .append(millis.get(millis.size() / 2))
                    .append(" max ")
                    .append(millis.get(millis.size() - 1))
                    .append('\n');
        });
        return text.toString();
    }

    /** With both there is nobody left who knows the connection: an error, as it must be. So the test above can fail. */
    @Test
    void itsDeviceServerAndItsHolderTogetherAreAnError() throws Exception {
        String image = newImage("raw", "64M");
        String block = attach(image, "raw");
        OwnServerProcesses own = OwnServerProcesses.of(cli.path("run"), image);
        try (FioRounds fio = new FioRounds(cli.path("fio-raw.out"), block, "--size=16m")) {
            Cli.await("fio writes", () -> Files.exists(cli.path("fio-raw.out")));
            killProcess(own.holder());
            killProcess(own.server());
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
                () -> cli.ok("devices", "--json").jsonRows().isEmpty());
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }
}
