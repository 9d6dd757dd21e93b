package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** Images on a real NFS server are made, looked at, attached, snapshotted, backed up and restored like any other. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(240)
class NfsImageIT {
    private static final String WORD = "nfs-image-";

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
        nfs.close();
    }

    private static String place(String name) {
        return "nfs://" + nfs.address() + nfs.export() + "/" + name;
    }

    @Test
    void aContainerOnNfsIsBackedUpAndRestoredBitForBit() throws Exception {
        String image = place("protected");
        Path mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", image, "--size", "96M", "--fs", "ext4");
        String block = block(cli.ok("attach", image, "--name", "d", "--mount", mount.toString(), "--json"));
        Map<?, ?> row = (Map<?, ?>) cli.ok("devices", "--json").jsonRows().get(0);
        assertThat(row.get("image")).isEqualTo(image);
        assertThat(row.get("state")).isEqualTo("SERVING");
        Cli.random(mount.resolve("first"), 0, 8);
        cli.ok("container", "add", "c", "--image", image);
        cli.ok("target", "add", "t", cli.path("target").toString());
        assertThat(cli.ok("backup", "c", "--json").out())
                .contains("\"mode\":\"full\"")
                .contains("\"grade\":\"filesystem\"");
        String guid = String.valueOf(
                cli.ok("snapshot", "create", image, "--json").json().get("snapshot"));
        assertThat(cli.ok("snapshot", "list", image, "--json").out()).contains(guid);
        Cli.random(mount.resolve("second"), 0, 3);
        Commands.run(Cli.LIMIT, "umount", mount.toString());
        assertThat(cli.ok("backup", "c", "--json").out()).contains("\"mode\":\"incremental\"");
        Path restored = cli.path("restored");
        cli.ok("restore", "c", "--to", restored.toString());
        String copy = block(cli.ok("attach", restored.toString(), "--read-only", "--json"));
        assertThat(sum(copy)).isEqualTo(sum(block));
        cli.ok("detach", restored.toString());
        cli.ok("snapshot", "delete", "d", guid);
        cli.ok("detach", "d");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }

    @Test
    void commandsWorkOnTheFilesAndRefuseInOneSentence() throws Exception {
        String image = place("files");
        cli.ok("image", "create", image, "--size", "64M");
        assertThat(cli.ok("image", "info", image, "--json").json())
                .containsEntry("layout", "folder")
                .containsEntry("sizeBytes", 64 << 20)
                .satisfies(info -> assertThat((List<?>) info.get("partitions")).hasSize(1));
        String guid = String.valueOf(
                cli.ok("snapshot", "create", image, "--json").json().get("snapshot"));
        assertThat(cli.ok("snapshot", "list", image, "--json").jsonRows()).hasSize(2);
        cli.ok("snapshot", "delete", image, guid);
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
        cli.refused(1, "only a folder", "image", "create", place("raw"), "--size", "64M", "--format", "raw");
        assertThat(cli.run("image", "resize", image, "128M").err()).contains("cannot be done on NFS");
    }

    @Test
    void aServerOfOneImageThatIsSilentOrDeadHoldsUpNobodyAndIsNotForgotten() throws Exception {
        String image = place("silent");
        Path local = cli.path("local");
        cli.ok("image", "create", image, "--size", "64M");
        cli.ok("image", "create", local.toString(), "--size", "64M");
        cli.ok("attach", image, "--name", "far");
        cli.refused(4, "'far'", "attach", local.toString(), "--name", "far");
        OwnServerProcesses own = OwnServerProcesses.of(cli.path("run"), image);
        Processes.Id server = Processes.byPid(own.server());
        server.signal(Processes.STOP);
        try {
            cli.ok("attach", local.toString(), "--name", "near");
            assertThat(states()).containsEntry("far", "NO ANSWER").containsEntry("near", "SERVING");
            cli.ok("detach", "near");
            assertThat(cli.run("detach", "--all", "--limit", "1").exitCode()).isNotZero();
        } finally {
            server.signal(Processes.CONTINUE);
        }
        cli.refused(4, "'far'", "attach", local.toString(), "--name", "far");
        Cli.await("it answers again", () -> "SERVING".equals(states().get("far")));
        Processes.byPid(own.holder()).signal(Processes.KILL);
        server.signal(Processes.KILL);
        assertThat(states()).as("its folder is still there").containsKey("far");
        Cli.await("a successor has closed the image", () -> !states().containsKey("far"));
        cli.ok("attach", image, "--name", "far");
        cli.ok("detach", "--all");
        assertThat(cli.ok("image", "check", image).out()).contains("no findings");
    }

    private Map<String, String> states() throws IOException, InterruptedException {
        Map<String, String> states = new TreeMap<>();
        for (Object row : cli.ok("devices", "--json").jsonRows()) {
            states.put(String.valueOf(((Map<?, ?>) row).get("device")), String.valueOf(((Map<?, ?>) row).get("state")));
        }
        return states;
    }

    private static String block(Cli.Result attached) throws IOException {
        return String.valueOf(attached.json().get("blockDevice"));
    }

    private static String sum(String block) throws IOException, InterruptedException {
        return Commands.run(Cli.LIMIT, "sha256sum", block).split(" ")[0];
    }
}
