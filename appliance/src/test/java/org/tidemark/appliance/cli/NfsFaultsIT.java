package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.server.AttachRequest;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.FioRounds;
import org.tidemark.ploop.server.RunFolder;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** Images on a real NFS server whose device server crashes, is upgraded or hangs, and whose owner is another host. */
@Requires({"root", "fuse", "loop", "fio", "unshare", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(180)
class NfsFaultsIT {
    private static final String WORD = "nfs-crashes-";
    private static final String OTHER_HOST = "nfs-other-host-";
    private static final String OTHER_ID = "0123456789abcdef0123456789abcdef";
    private static final int SEGMENTATION_FAULT = 11;
    private static final int LEASE_SECONDS = 3;
    private static final long SOON_MILLIS = 60_000;

    private static NfsServerProcess nfs;
    private static Cli cli;

    @BeforeAll
    static void start() throws Exception {
        nfs = NfsServerProcess.start();
        cli = Cli.start(WORD);
    }

    @AfterAll
    static void stop() throws Exception {
        cli.close();
        Leftovers.clear(OTHER_HOST);
        nfs.close();
    }

    private static String place(String name) {
        return "nfs://" + nfs.address() + nfs.export() + "/" + name;
    }

    private static String newImage(String name) throws Exception {
        cli.ok("image", "create", place(name), "--size", "64M", "--no-partition");
        return place(name);
    }

    private static String attach(String image, String... more) throws Exception {
        List<String> line = new ArrayList<>(List.of("attach", image, "--json"));
        line.addAll(List.of(more));
        return String.valueOf(cli.ok(line.toArray(String[]::new)).json().get("blockDevice"));
    }

    @Test
    void itsDeviceServerMayCrashOrBeUpgradedAndOneThatHangsIsTakenAwayByForce() throws Exception {
        String image = newImage("far");
        String far = attach(image, "--name", "far");
        Path local = cli.path("local");
        cli.ok("image", "create", local.toString(), "--size", "64M", "--no-partition");
        String near = attach(local.toString(), "--name", "near");
        OwnServerProcesses own = OwnServerProcesses.of(cli.path("run"), image);
        try (FioRounds fio = new FioRounds(cli.path("fio.out"), far, "--size=16m")) {
            Cli.await("fio writes", () -> Files.exists(cli.path("fio.out")));
            long crashed = own.server();
            own.endServer(SEGMENTATION_FAULT);
            assertThat(own.folder().resolve("log/crash-" + crashed + ".log"))
                    .content()
                    .contains("SIGSEGV");
            awaitServing("far");
            upgrade(own);
            awaitServing("far");
            int rounds = fio.stop();
            System.out.println(rounds + " rounds of fio verified over a crash and an upgrade");
            assertThat(rounds).isPositive();
        }
        takeAwayByForce(far, near);
        Cli.await("its image is closed", () -> !states().containsKey("far"));
        attach(image, "--name", "far");
        cli.ok("detach", "--all");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }

    private static void upgrade(OwnServerProcesses own) throws Exception {
        long before = own.server();
        List<Object> rows = cli.ok("device-server", "upgrade", "--json").jsonRows();
        assertThat(rows).hasSize(2);
        Map<?, ?> row = (Map<?, ?>) rows.get(1);
        System.out.println("upgraded with a pause of " + row.get("pauseMillis") + " ms");
        assertThat(row.get("run")).isEqualTo(own.folder().toString());
        assertThat(((Number) row.get("oldPid")).longValue()).isEqualTo(before);
        assertThat(((Number) row.get("newPid")).longValue())
                .isEqualTo(own.server())
                .isNotEqualTo(before);
        assertThat(row.get("devices")).isEqualTo(1);
    }

    /** While its NFS server answers nothing. */
    private static void takeAwayByForce(String far, String near) throws Exception {
        try (FioRounds fio = new FioRounds(cli.path("fio-2.out"), far, "--size=16m")) {
            Cli.await("fio writes", () -> Files.exists(cli.path("fio-2.out")));
            nfs.stall();
            try {
                LockSupport.parkNanos(500_000_000);
                fio.requireHealthy();
                long begun = System.nanoTime();
                assertThat(cli.ok("detach", "--abort", "far", "--json").json()).containsEntry("imageClosed", false);
                Cli.random(near, 0, 4);
                assertThat(states()).containsEntry("near", "SERVING");
                cli.ok("detach", "near");
                attach(cli.path("local").toString(), "--name", "near");
                long millis = (System.nanoTime() - begun) / 1_000_000;
                System.out.println("taken away, and others went on, in " + millis + " ms");
                assertThat(millis).isLessThan(SOON_MILLIS);
                Cli.await("whoever used it has an error", () -> {
                    try {
                        fio.requireHealthy();
                        return false;
                    } catch (AssertionError e) {
                        return true;
                    }
                });
            } finally {
                nfs.resume();
            }
        }
    }

    private static Map<String, String> states() throws IOException, InterruptedException {
        Map<String, String> states = new java.util.TreeMap<>();
        for (Object row : cli.ok("devices", "--json").jsonRows()) {
            states.put(String.valueOf(((Map<?, ?>) row).get("device")), String.valueOf(((Map<?, ?>) row).get("state")));
        }
        return states;
    }

    private static void awaitServing(String device) throws Exception {
        Cli.await(device + " is served", () -> "SERVING".equals(states().get(device)));
    }

    /** Another host: it has another machine id, or where there is none another name, in namespaces of its own. */
    private static RunFolder startOtherHost() throws Exception {
        Path folder = Leftovers.freshFolder(OTHER_HOST);
        Path id = Files.writeString(folder.resolve("machine-id"), OTHER_ID + "\n");
        Path run = folder.resolve("run");
        List<String> line = new ArrayList<>(List.of(
                "unshare",
                "-m",
                "-u",
                "sh",
                "-ec",
                "echo " + OTHER_ID + " >/proc/sys/kernel/hostname; [ ! -e /etc/machine-id ] || mount --bind " + id
                        + " /etc/machine-id; export TIDEMARK_RUN=" + run + "; exec \"$@\"",
                "sh"));
        Path image = folder.resolve("local");
        cli.ok("image", "create", image.toString(), "--size", "16M", "--no-partition");
        // Starts its holder and its device server.
        line.addAll(Cli.command("attach", image.toString(), "--name", "elsewhere"));
        assertThat(cli.begin(line).await()).matches(result -> result.exitCode() == 0, "another host starts");
        return RunFolder.at(run);
    }

    @Test
    void aLockIsBrokenOnlyWhenItsOwnerIsSilentAndThatOneWritesNothingMore() throws Exception {
        String image = newImage("shared");
        RunFolder otherHost = startOtherHost();
        ControlClient.AttachedDevice theirs = attachThere(otherHost, image);
        Cli.random(theirs.blockDevice(), 0, 4);
        cli.refused(4, OTHER_ID, "attach", image, "--name", "ours");
        cli.refused(4, OTHER_ID, breakLock(image));
        Cli.random(theirs.blockDevice(), 4, 4);
        snapshotThere(otherHost);
        diedInTheTree(nfs.export().resolve("shared"));

        Processes.Id silent =
                Processes.byPid(OwnServerProcesses.of(otherHost.path(), image).server());
        silent.signal(Processes.STOP);
        try {
            cli.refused(4, OTHER_ID, "attach", image, "--name", "ours");
            cli.ok(breakLock(image));
            cli.refused(4, "--recover", "attach", image, "--name", "ours");
            String ours = attach(image, "--name", "ours", "--recover");
            Cli.random(ours, 8, 4);
            String content = Cli.checksum(Path.of(ours));
            silent.signal(Processes.CONTINUE);
            assertThatThrownBy(() -> Cli.random(theirs.blockDevice(), 12, 4))
                    .hasMessageContaining("Input/output error");
            Commands.run(Cli.LIMIT, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
            assertThat(Cli.checksum(Path.of(ours))).as("nothing of theirs").isEqualTo(content);
            Cli.random(ours, 12, 4);
            cli.ok("snapshot", "create", "ours");
        } finally {
            silent.signal(Processes.CONTINUE);
            endOtherHost(otherHost, theirs);
        }
        cli.ok("detach", "ours");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }

    private static void snapshotThere(RunFolder host) throws Exception {
        List<String> line = new ArrayList<>(List.of("env", "TIDEMARK_RUN=" + host.path()));
        line.addAll(Cli.command("snapshot", "create", "theirs"));
        Cli.Result made = cli.begin(line).await();
        assertThat(made.exitCode()).as(made.err()).isZero();
    }

    /** As if it had died while it changed the snapshots: the lock of the tree is let go in the same way as any other. */
    private static void diedInTheTree(Path folder) throws IOException {
        int found = 0;
        try (DirectoryStream<Path> records = Files.newDirectoryStream(folder, ".tidemark-nfs-owner-*")) {
            for (Path record : records) {
                String text = Files.readString(record);
                if (text.contains("\nfile DiskDescriptor.xml.lck\n")) {
                    assertThat(text).contains("\nstate released\n");
                    Files.writeString(record, text.replace("\nstate released\n", "\nstate held\n"));
                    found++;
                }
            }
        }
        assertThat(found).isEqualTo(1);
    }

    private static String[] breakLock(String image) {
        return new String[] {"image", "break-lock", image, "--lease", String.valueOf(LEASE_SECONDS)};
    }

    private static ControlClient.AttachedDevice attachThere(RunFolder host, String image) throws IOException {
        ImagePlace place = ImagePlace.of(image);
        RunFolder own;
        try (ControlClient client = ControlClient.connect(host, Cli.LIMIT)) {
            own = client.ensureOwnServer(place);
        }
        Fields lease = Fields.of("nfsLeaseSeconds", LEASE_SECONDS);
        try (ControlClient client = ControlClient.connect(own, Cli.LIMIT)) {
            return client.attach(new AttachRequest("theirs", place, false, lease), Cli.LIMIT);
        }
    }

    /** While it can: a loop device whose mount namespace is gone is found by nobody. */
    private static void endOtherHost(RunFolder host, ControlClient.AttachedDevice theirs) throws Exception {
        try (ControlClient client = ControlClient.connect(theirs.server(), Cli.LIMIT)) {
            client.abort(theirs.deviceId(), Duration.ofSeconds(5));
        }
        try (ControlClient client = ControlClient.connect(host, Cli.LIMIT)) {
            client.detach("elsewhere", Cli.LIMIT);
        }
    }
}
