package org.tidemark.ploop.device.attach.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.OsException;

/** Our client against our server; real programs are in {@code NbdInteropIT}. */
@Timeout(60)
final class NbdTest {
    private static final int DISK = 8 << 20;

    @TempDir
    Path folder;

    private PloopDevice device;
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        Chains.create(directory, "d0", new DeltaGeometry(DISK, 1 << 20));
        device = Chains.open(directory, 1, OpenIntent.WRITE, new KeptState(), null);
        server = NbdServer.onSocket(folder.resolve("nbd.sock"));
        TreeMap<String, NbdExport.DirtyContext> contexts = new TreeMap<>();
        contexts.put("odd", (offset, length, visitor) -> {
            for (long at = offset & -65536; at < offset + length; at += 65536) {
                if ((at >> 16 & 1) == 1) {
                    visitor.dirty(at, Math.min(65536, offset + length - at));
                }
            }
        });
        server.add(new NbdExport("disk", "a test disk", device, false, contexts));
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        device.close();
    }

    @Test
    void readsWhatItWrote() throws IOException {
        Random random = new Random(5);
        byte[] data = new byte[3 << 20];
        random.nextBytes(data);
        try (NbdClient client = NbdClient.connect(folder.resolve("nbd.sock"), "disk", List.of())) {
            assertThat(client.sizeBytes()).isEqualTo(DISK);
            client.write(512 * 1024, ByteBuffer.wrap(data));
            client.flush();
            ByteBuffer back = ByteBuffer.allocateDirect(data.length);
            client.read(512 * 1024, back);
            byte[] got = new byte[data.length];
            back.get(0, got);
            assertThat(got).isEqualTo(data);
            client.trim(512 * 1024, 4096);
            client.read(512 * 1024, back.clear().limit(4096));
            assertThat(back.getLong(0)).isZero();
        }
    }

    @Test
    void describesAllocationAndDirtiness() throws IOException {
        List<String> contexts = List.of(Nbd.BASE_ALLOCATION, Nbd.DIRTY_PREFIX + "odd");
        try (NbdClient client = NbdClient.connect(folder.resolve("nbd.sock"), "disk", contexts)) {
            client.write(1 << 20, ByteBuffer.wrap(filled(1 << 20)));
            List<String> seen = new ArrayList<>();
            client.blockStatus(
                    Nbd.BASE_ALLOCATION,
                    0,
                    DISK,
                    (offset, length, state) -> seen.add(offset + "+" + length + ":" + state));
            assertThat(seen).containsExactly("0+1048576:3", "1048576+1048576:0", "2097152+6291456:3");
            List<Long> dirty = new ArrayList<>();
            client.blockStatus(Nbd.DIRTY_PREFIX + "odd", 0, 4 * 65536, (offset, length, state) -> {
                if (state == Nbd.STATE_DIRTY) {
                    dirty.add(offset);
                }
            });
            assertThat(dirty).containsExactly(65536L, 3 * 65536L);
        }
    }

    @Test
    void refusesWhatIsOutsideOrUnknown() throws IOException {
        assertThatThrownBy(() -> NbdClient.connect(folder.resolve("nbd.sock"), "nothing", List.of()))
                .hasMessageContaining("no export named 'nothing'");
        try (NbdClient client = NbdClient.connect(folder.resolve("nbd.sock"), "disk", List.of())) {
            assertThatThrownBy(() -> client.read(DISK - 512, ByteBuffer.allocate(1024)))
                    .isInstanceOf(OsException.class);
            ByteBuffer ok = ByteBuffer.allocate(512);
            client.read(0, ok);
            assertThatThrownBy(() -> client.write(DISK, ByteBuffer.allocate(512)))
                    .isInstanceOf(OsException.class);
            client.read(0, ok.clear());
        }
    }

    private static byte[] filled(int length) {
        byte[] data = new byte[length];
        java.util.Arrays.fill(data, (byte) 0x5a);
        return data;
    }
}
