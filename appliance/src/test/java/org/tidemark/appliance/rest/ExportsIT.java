package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Disks for other programs, through the appliance: real NBD clients, on the Unix socket, over TCP and with TLS. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "qemu-img", "qemu-io", "nbdinfo", "nbdcopy", "nbdkit"})
@Timeout(300)
class ExportsIT {
    private static final long SIZE = 48L << 20;

    private Cli cli;
    private Path image;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("exports-");
        cli.appliance().withTls("generated").withEnvironment("TIDEMARK_NBD_LISTEN", "127.0.0.1:0");
        image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "48M", "--no-partition");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Map<String, Object> export(String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("export", "add", "--json"));
        line.addAll(List.of(words));
        return cli.ok(line.toArray(String[]::new)).json();
    }

    private static String run(String... command) throws Exception {
        return Commands.run(Cli.LIMIT, command);
    }

    /** A TLS client of NBD knows its server by a folder with the authority's certificate. */
    private String certificates() throws Exception {
        Path folder = Files.createDirectories(cli.path("ca"));
        Path tls = cli.path("state").resolve("tls");
        run(
                "keytool",
                "-exportcert",
                "-rfc",
                "-keystore",
                tls.resolve("tidemark.p12").toString(),
                "-storepass",
                Files.readString(tls.resolve("password")).strip(),
                "-file",
                folder.resolve("ca-cert.pem").toString(),
                "-alias",
                "tidemark");
        return folder.toString();
    }

    @Test
    void aDeviceIsReadAndWrittenOverTlsAndKillsAreOnlyPauses() throws Exception {
        String block = cli.attach(image, "--name", "d");
        Map<String, Object> export = export("--device", "d", "--writable");
        String uri = String.valueOf(export.get("uri"));
        assertThat(uri).startsWith("nbds://127.0.0.1:").endsWith("/" + export.get("exportId"));
        String tls = uri + "?tls-certificates=" + certificates();
        assertThat(run("nbdinfo", tls))
                .contains("protocol: newstyle-fixed with TLS")
                .contains("export-size: " + SIZE)
                .contains("is_read_only: false")
                .contains("can_multi_conn: true")
                .contains("can_fua: true")
                .contains("can_trim: true")
                .contains("can_zero: true")
                .contains("block_size_minimum: 512")
                .contains("base:allocation");
        // In the clear nothing is told, and nobody is told a list.
        assertThat(Commands.tryRun(Cli.LIMIT, "nbdinfo", uri.replace("nbds:", "nbd:"))
                        .exitCode())
                .isNotZero();
        assertThat(Commands.tryRun(Cli.LIMIT, "nbdinfo", "--list", tls.replace("/" + export.get("exportId"), "/"))
                        .output())
                .doesNotContain(String.valueOf(export.get("exportId")));

        Path random = cli.path("random");
        run("dd", "if=/dev/urandom", "of=" + random, "bs=1M", "count=48", "status=none");
        run("nbdcopy", random.toString(), tls);
        // Nobody else writes to it, and it is not taken away.
        Path mount = Files.createDirectory(cli.path("mnt"));
        assertThat(Commands.tryRun(Cli.LIMIT, "mount", block, mount.toString()).output())
                .contains("already mounted or mount point busy");
        cli.refused(4, "in use", "detach", "d");
        run("cmp", random.toString(), block);
        Processes.byPid(cli.deviceServer()).signal(Processes.KILL);
        Path back = cli.path("back");
        run("nbdcopy", tls, back.toString());
        run("cmp", random.toString(), back.toString());
        // NBD has no word for a new size that anybody speaks: whoever connects, or asks, sees it at once.
        cli.ok("image", "resize", image.toString(), "64M");
        assertThat(run("nbdinfo", tls)).contains("export-size: " + (64 << 20));
        cli.ok("export", "remove", String.valueOf(export.get("exportId")));
        assertThat(Commands.tryRun(Cli.LIMIT, "nbdinfo", tls).exitCode()).isNotZero();
        cli.ok("detach", "d");
    }

    /** As virtnbdbackup does it: everything once, then what the bitmap names, laid over it. */
    @Test
    void incrementsArePulledByTheirBitmap() throws Exception {
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 10, 8);
        Map<String, Object> first = export("--instant", "d", "--consumer", "puller");
        assertThat(first).doesNotContainKey("bitmap").containsKey("checkpoint");
        assertThat(String.valueOf(first.get("notice"))).contains("everything is to be read");
        Path copy = cli.path("copy.raw");
        run("qemu-img", "convert", "-f", "raw", "-O", "raw", local(first), copy.toString());
        run("cmp", block, copy.toString());
        cli.ok("export", "remove", String.valueOf(first.get("exportId")), "--done");

        Cli.random(block, 30, 1);
        Cli.random(block, 40, 2);
        run("blkdiscard", "-z", "-o", String.valueOf(12 << 20), "-l", String.valueOf(1 << 20), block);
        String since = String.valueOf(first.get("checkpoint"));
        Map<String, Object> next = export("--instant", "d", "--consumer", "puller", "--since", since);
        assertThat(next).containsEntry("bitmap", since);
        Path expected = cli.path("expected");
        run("cp", block, expected.toString());
        // Written after the instant: must not be seen.
        Cli.random(block, 31, 1);
        String map = run("nbdinfo", "--json", "--map=qemu:dirty-bitmap:" + since, local(next));
        long dirty = 0;
        for (Object one : JSON.std.listFrom(map)) {
            Map<?, ?> extent = (Map<?, ?>) one;
            if (((Number) extent.get("type")).intValue() == 1) {
                long offset = ((Number) extent.get("offset")).longValue();
                long length = ((Number) extent.get("length")).longValue();
                dirty += length;
                pull(local(next), copy, offset, length);
            }
        }
        System.out.println("pulled " + dirty + " bytes");
        assertThat(dirty).isBetween(4L << 20, 6L << 20);
        run("cmp", expected.toString(), copy.toString());
        cli.ok("export", "remove", String.valueOf(next.get("exportId")), "--done");
        assertThat(cli.ok("export", "list", "--json").jsonRows()).isEmpty();
        cli.ok("detach", "d");
    }

    private static void pull(String uri, Path copy, long offset, long length) throws Exception {
        run(
                "qemu-img",
                "dd",
                "-f",
                "raw",
                "-O",
                "raw",
                "bs=65536",
                "skip=" + offset / 65536,
                "count=" + (offset + length + 65535) / 65536,
                "if=" + uri,
                "of=" + copy + ".part");
        run(
                "dd",
                "if=" + copy + ".part",
                "of=" + copy,
                "bs=65536",
                "seek=" + offset / 65536,
                "count=" + (length + 65535) / 65536,
                "conv=notrunc",
                "status=none");
    }

    private static String local(Map<String, Object> export) {
        return String.valueOf(export.get("localUri"));
    }

    @Test
    void pointsAndSnapshotsAreReadStraightFromWhereTheyAre() throws Exception {
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 5, 10);
        Path then = cli.path("then");
        run("cp", block, then.toString());
        cli.protect("c", image, cli.path("target"));
        cli.ok("backup", "c");
        String guid = String.valueOf(
                cli.ok("snapshot", "create", "d", "--json").json().get("snapshot"));
        Cli.random(block, 8, 20);

        Map<String, Object> point = export("--container", "c");
        Map<String, Object> snapshot = export("--snapshot", guid, "--image", image.toString());
        // A policy that keeps only the newest point does not take this one away from its reader.
        cli.ok(
                "policy",
                "add",
                "p",
                "--container",
                "c",
                "--target",
                "t-c",
                "--every",
                "30d",
                "--keep-last",
                "1",
                "--disable");
        cli.ok("backup", "c");
        assertThat(cli.ok("points", "c", "--json").jsonRows()).hasSize(2);
        for (Map<String, Object> export : List.of(point, snapshot)) {
            run("qemu-img", "compare", "-f", "raw", "-F", "raw", local(export), then.toString());
            assertThat(run("nbdinfo", local(export))).contains("is_read_only: true");
            assertThat(Commands.tryRun(Cli.LIMIT, "qemu-io", "-f", "raw", "-c", "write 0 4k", local(export))
                            .output())
                    .contains("Permission denied");
        }
        assertThat(run("nbdinfo", "--map", "--totals", local(point))).contains("hole,zero");
        // nbdkit's own client, as a program would put filters before it.
        run(
                "nbdkit",
                "--exit-with-parent",
                "-U",
                "-",
                "nbd",
                "uri=" + local(point),
                "--run",
                "nbdcopy $uri '" + cli.path("through-nbdkit") + "'");
        run("cmp", then.toString(), cli.path("through-nbdkit").toString());
        for (Map<String, Object> export : List.of(point, snapshot)) {
            cli.ok("export", "remove", String.valueOf(export.get("exportId")));
        }
        assertThat(cli.ok("points", "c", "--json").jsonRows())
                .as("nobody reads the older one any more")
                .hasSize(1);
        assertThat(cli.ok("devices", "--json").jsonRows()).hasSize(1);
        cli.ok("detach", "d");
    }

    @Test
    void whatMakesNoSenseIsRefused() throws Exception {
        Path mount = Files.createDirectory(cli.path("mnt"));
        Path formatted = cli.path("formatted");
        cli.ok("image", "create", formatted.toString(), "--size", "64M", "--fs", "ext4");
        cli.attach(formatted, "--name", "m", "--mount", mount.toString());
        for (String[] refused : new String[][] {
            {"3", "no device", "--device", "nowhere"},
            {"4", "is mounted at", "--device", "m", "--writable"},
            {"2", "only a device", "--instant", "m", "--writable"},
            {
                "3",
                "no such image",
                "--snapshot",
                "x",
                "--image",
                cli.path("nothing").toString()
            },
            {"2", "there is no target", "--container", "c"},
        }) {
            List<String> line = new ArrayList<>(List.of("export", "add"));
            line.addAll(Arrays.asList(refused).subList(2, refused.length));
            cli.refused(Integer.parseInt(refused[0]), refused[1], line.toArray(String[]::new));
        }
        cli.refused(3, "no such export", "export", "remove", "0123");
        assertThat(cli.ok("export", "list", "--json").jsonRows()).isEmpty();
        cli.ok("detach", "m");
    }
}
