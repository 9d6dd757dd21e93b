package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** The NBD exports of a device and of a view, as other people's programs see them. */
@Requires({"root", "fuse", "loop", "nbdinfo", "nbdcopy", "qemu-img", "qemu-io", "fio"})
@Timeout(120)
class NbdInteropIT {
    private static final long SIZE = 256L << 20;
    private static final String CONSUMER = "interop";
    private static final String DEVICE = "d1";

    private ServerHost host;
    private Path image;
    private String block;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("nbd-");
        image = host.newImage("image", SIZE);
        block = host.attach(DEVICE, image);
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static String run(String... command) throws IOException, InterruptedException {
        return Commands.run(ServerHost.LIMIT, command);
    }

    private static String uri(String socket, String export) {
        return "nbd+unix:///" + export + "?socket=" + socket;
    }

    private String exportDevice() throws IOException {
        Fields answer = host.client().request("nbd.export", Fields.of("device", DEVICE), ServerHost.LIMIT);
        return uri(answer.text("socket"), answer.text("export"));
    }

    private void random(int atMebibytes, int lengthMebibytes) throws Exception {
        run(
                "dd",
                "if=/dev/urandom",
                "of=" + block,
                "bs=1M",
                "seek=" + atMebibytes,
                "count=" + lengthMebibytes,
                "oflag=direct",
                "status=none");
    }

    private Path copyOfBlockDevice(String name) throws Exception {
        Path copy = host.folder().resolve(name);
        run("dd", "if=" + block, "of=" + copy, "bs=1M", "iflag=direct", "conv=sparse", "status=none");
        return copy;
    }

    @Test
    void aDeviceIsReadAndWrittenByQemuNbdcopyAndFio() throws Exception {
        String uri = exportDevice();
        Map<String, Object> export = firstExport(uri);
        assertThat(((Number) export.get("export-size")).longValue()).isEqualTo(SIZE);
        assertThat(export)
                .containsEntry("is_read_only", false)
                .containsEntry("can_flush", true)
                .containsEntry("can_fua", true)
                .containsEntry("can_trim", true)
                .containsEntry("can_zero", true)
                .containsEntry("can_multi_conn", true);
        qemuIo(
                uri,
                "write -P 0x5a 0 5M",
                "read -P 0x5a 0 5M",
                "discard 1M 2M",
                "read -P 0 1M 2M",
                "write -z 512 1536",
                "read -P 0 512 1536",
                "read -P 0x5a 2048 1046528",
                "write -z -u 4M 65536",
                "read -P 0 4M 65536",
                "write -f -P 0x11 33M 64k",
                "writev -P 0x22 34M 512 512 4096",
                "aio_write -P 0x33 40M 24M",
                "aio_flush",
                "read -P 0x33 40M 24M",
                "flush");
        run(
                "fio",
                "--name=nbd",
                "--ioengine=nbd",
                "--uri=" + uri,
                "--offset=64m",
                "--size=32m",
                "--rw=randwrite",
                "--bs=4k-64k",
                "--iodepth=16",
                "--verify=crc32c",
                "--verify_fatal=1",
                "--verify_state_save=0",
                "--fsync=64");
        Path copied = host.folder().resolve("nbdcopy.raw");
        run("nbdcopy", uri, copied.toString());
        run("cmp", copied.toString(), copyOfBlockDevice("loop.raw").toString());
        Path qcow2 = host.folder().resolve("convert.qcow2");
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, qcow2.toString());
        run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, qcow2.toString());
        assertThat(bytes(map(uri, "base:allocation"), 0)).isBetween(50L << 20, 110L << 20);

        host.client().request("nbd.withdraw", Fields.of("export", "device-" + DEVICE), ServerHost.LIMIT);
        host.client().detach(DEVICE, ServerHost.LIMIT);
        assertThat(ServerHost.check(image).findings()).isEmpty();
        String delta = ServerHost.delta(image).toString();
        run("qemu-img", "compare", "-f", "parallels", "-F", "raw", delta, copied.toString());
    }

    /** Whoever uses exports, of devices or of instants, takes no connection that a backup needs. */
    @Test
    void exportsLeaveBackupsTheirConnections() throws Exception {
        Fields device = host.client().request("nbd.export", Fields.of("device", DEVICE), ServerHost.LIMIT);
        List<NbdClient> users = new ArrayList<>();
        try {
            assertThatThrownBy(() -> {
                        while (users.size() < 1000) {
                            users.add(connect(device.text("socket"), device.text("export")));
                        }
                    })
                    .isInstanceOf(IOException.class);
            assertThat(users).hasSize(192);
            Fields exported = instant("", "export");
            assertThatThrownBy(() -> connect(socket, exported.text("export"))).isInstanceOf(IOException.class);
            host.client().request("view.close", Fields.of("view", exported.text("view")), ServerHost.LIMIT);
            Fields backup = instant("");
            for (int i = 0; i < 60; i++) {
                NbdClient reader = connect(socket, backup.text("export"));
                users.add(reader);
                reader.read(0, ByteBuffer.allocateDirect(4096));
            }
        } finally {
            for (NbdClient one : users) {
                one.close();
            }
        }
    }

    private static NbdClient connect(String socket, String export) throws IOException {
        return NbdClient.connect(Path.of(socket), export, List.of());
    }

    private static void qemuIo(String uri, String... commands) throws Exception {
        String[] line = new String[4 + 2 * commands.length];
        line[0] = "qemu-io";
        line[1] = "-f";
        line[2] = "raw";
        for (int i = 0; i < commands.length; i++) {
            line[3 + 2 * i] = "-c";
            line[4 + 2 * i] = commands[i];
        }
        line[line.length - 1] = uri;
        assertThat(run(line)).doesNotContain("failed").doesNotContain("rror");
    }

    @Test
    void aViewKeepsItsInstantAndTellsWhatChanged() throws Exception {
        random(0, 4);
        random(100, 4);
        Fields full = instant("");
        Path before = copyOfBlockDevice("before.raw");
        random(2, 8);
        String fullUri = uri(socket, full.text("export"));
        assertThat(firstExport(fullUri)).containsEntry("is_read_only", true);
        Path copied = host.folder().resolve("view.raw");
        run("nbdcopy", fullUri, copied.toString());
        run("cmp", copied.toString(), before.toString());
        settle(full);

        random(100, 1);
        run("blkdiscard", "-o", Long.toString(200L << 20), "-l", "1048576", block);
        Fields changed = instant(full.text("checkpoint"));
        assertThat(changed.text("since", "")).isEqualTo(full.text("checkpoint"));
        Path atChanged = copyOfBlockDevice("changed.raw");
        random(0, 10);
        random(100, 1);
        String uri = uri(socket, changed.text("export"));
        List<Map<String, Object>> map = map(uri, "qemu:dirty-bitmap:since");
        assertThat(bytes(map, 1)).isEqualTo((8L + 1 + 1) << 20);
        assertThat(bytes(map, 0) + bytes(map, 1)).isEqualTo(SIZE);
        for (Map<String, Object> extent : map) {
            if (number(extent, "type") == 1) {
                dirtyIsAsItWas(uri, atChanged, number(extent, "offset"), number(extent, "length"));
            }
        }
        assertThat(Commands.tryRun(ServerHost.LIMIT, "qemu-io", "-r", "-f", "raw", "-c", "read 50M 64k", uri)
                        .output())
                .contains("read failed");
        settle(changed);
    }

    private void dirtyIsAsItWas(String uri, Path expected, long offset, long length) throws Exception {
        Path part = host.folder().resolve("part.raw");
        run(
                "qemu-img",
                "dd",
                "-f",
                "raw",
                "-O",
                "raw",
                "bs=65536",
                "skip=" + offset / 65536,
                "count=" + (offset + length) / 65536,
                "if=" + uri,
                "of=" + part);
        run("cmp", "-n", Long.toString(length), "-i", "0:" + offset, part.toString(), expected.toString());
    }

    private String socket = "";

    private Fields instant(String since) throws IOException {
        return instant(since, "");
    }

    private Fields instant(String since, String purpose) throws IOException {
        Fields answer = host.client()
                .request(
                        "instant",
                        Fields.of(
                                "consumer",
                                CONSUMER,
                                "purpose",
                                purpose,
                                "scratchFolder",
                                host.folder().resolve("scratch").toString(),
                                "devices",
                                List.of(
                                        since.isEmpty()
                                                ? Map.of("device", DEVICE)
                                                : Map.of("device", DEVICE, "since", since))),
                        ServerHost.LIMIT);
        socket = answer.text("socket");
        return answer.objects("views").get(0);
    }

    private void settle(Fields view) throws IOException {
        Fields commit = Fields.of("device", DEVICE, "consumer", CONSUMER, "checkpoint", view.text("checkpoint"));
        host.client().request("cbt.commit", commit, ServerHost.LIMIT);
        host.client().request("view.close", Fields.of("view", view.text("view")), ServerHost.LIMIT);
    }

    private static Map<String, Object> firstExport(String uri) throws Exception {
        Map<String, Object> info = JSON.std.mapFrom(run("nbdinfo", "--json", uri));
        @SuppressWarnings("unchecked")
        Map<String, Object> first = (Map<String, Object>) ((List<?>) info.get("exports")).get(0);
        return first;
    }

    private static List<Map<String, Object>> map(String uri, String context) throws Exception {
        @SuppressWarnings({"unchecked", "rawtypes"})
        List<Map<String, Object>> extents = (List) JSON.std.listFrom(run("nbdinfo", "--json", "--map=" + context, uri));
        return extents;
    }

    private static long number(Map<String, Object> extent, String field) {
        return ((Number) extent.get(field)).longValue();
    }

    private static long bytes(List<Map<String, Object>> map, int type) {
        return map.stream()
                .filter(extent -> number(extent, "type") == type)
                .mapToLong(extent -> number(extent, "length"))
                .sum();
    }
}
