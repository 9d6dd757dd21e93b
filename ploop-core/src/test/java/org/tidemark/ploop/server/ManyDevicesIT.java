package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * What many attached devices cost: memory and threads of the one device server. {@code -Dmany.devices=64} for the number
 * that is promised; {@code -Dmany.table=FILE} writes down what was measured.
 */
@Requires({"root", "fuse", "loop"})
@Timeout(300)
class ManyDevicesIT {
    private static final int DEVICES = Integer.getInteger("many.devices", 16);
    private static final long SIZE = 32L << 20;
    private static final long KIB_OF_SERVER = 150 * 1024;
    private static final long KIB_OF_DEVICE = 3 * 1024;
    private static final int THREADS_OF_SERVER = 40;
    private static final int THREADS_OF_DEVICE = 5;

    private final List<String> table = new ArrayList<>();

    @Test
    void memoryAndThreadsAreBounded() throws Exception {
        try (ServerHost host = ServerHost.start("many-")) {
            long empty = note(host, "nothing attached");
            List<String> blocks = new ArrayList<>();
            for (int i = 0; i < DEVICES; i++) {
                blocks.add(host.attach("d" + i, host.newImage("i" + i, SIZE)));
            }
            note(host, DEVICES + " devices attached");
            for (String block : blocks) {
                exercise(block);
            }
            long used = note(host, "each written, read and synced");
            assertThat(used).isLessThan(KIB_OF_SERVER + DEVICES * KIB_OF_DEVICE);
            assertThat(status(host, "Threads")).isLessThan(THREADS_OF_SERVER + DEVICES * THREADS_OF_DEVICE);
            for (int i = 0; i < DEVICES; i++) {
                host.client().detach("d" + i, ServerHost.LIMIT);
            }
            long after = note(host, "all detached");
            // Slots are mapped files: what is not given back with the device would grow with each attach.
            assertThat(after).isLessThan(empty + KIB_OF_SERVER / 2 + DEVICES * 512L);
        } finally {
            String file = System.getProperty("many.table", "");
            if (!file.isEmpty()) {
                Files.write(Path.of(file), table);
            }
        }
    }

    /** A mebibyte at a time and 4 KiB at a time, several at once, so that every thread and every page of its buffer is used. */
    private static void exercise(String block) throws Exception {
        Commands.run(
                ServerHost.LIMIT,
                "sh",
                "-c",
                "for at in 0 4 8 12; do dd if=/dev/zero of=" + block
                        + " bs=1M count=4 seek=$at oflag=direct conv=notrunc,fsync 2>/dev/null & done; wait;"
                        + " for at in 0 4 8 12; do dd if=" + block
                        + " of=/dev/null bs=1M count=4 skip=$at iflag=direct 2>/dev/null & done; wait;"
                        + " dd if=/dev/urandom of=" + block
                        + " bs=4k count=64 oflag=direct conv=notrunc,fsync 2>/dev/null");
    }

    private long note(ServerHost host, String when) throws IOException {
        long kib = status(host, "VmRSS");
        String row = String.format(
                "| %s | %d | %.1f | %.1f | %.1f |",
                when,
                status(host, "Threads"),
                kib / 1024.0,
                status(host, "RssAnon") / 1024.0,
                status(host, "RssShmem") / 1024.0);
        System.out.println(row);
        table.add(row);
        return kib;
    }

    private static long status(ServerHost host, String field) throws IOException {
        Path status = Path.of("/proc", Long.toString(host.serverProcess().pid()), "status");
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith(field + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElseThrow();
    }
}
