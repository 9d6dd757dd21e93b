package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.os.nfs.NfsConnection;
import org.tidemark.ploop.testing.Requires;

/** A file on a real server, which is killed with kill -9 again and again; the server's own folder is the second opinion. */
@Requires({"root", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(120)
class NfsImageIT {
    private static final int WRITERS = 4;
    private static final int PART_BYTES = 2 << 20;
    private static final int KILLS = 3;

    private static RealExport export;

    @BeforeAll
    static void startServer() throws Exception {
        export = new RealExport();
    }

    @AfterAll
    static void stopServer() throws Exception {
        export.close();
    }

    private static ImageException.Kind kindOf(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        ImageException[] thrown = new ImageException[1];
        assertThatThrownBy(call).isInstanceOfSatisfying(ImageException.class, e -> thrown[0] = e);
        return thrown[0].kind();
    }

    /** Writes, reads and flushes in its own part of the file until told to end; returns what the part holds. */
    private static byte[] work(ImageIo io, int part, AtomicBoolean end) throws IOException {
        Random random = new Random(part);
        byte[] model = new byte[PART_BYTES];
        AlignedBuffer buffer = AlignedBuffer.allocate(128 << 10);
        long start = (long) part * PART_BYTES;
        while (!end.get()) {
            int grain = random.nextInt(3) == 0 ? 1 : 4096;
            int length = (1 + random.nextInt((64 << 10) / grain)) * grain;
            int at = random.nextInt((PART_BYTES - length) / grain + 1) * grain;
            switch (random.nextInt(8)) {
                case 0 -> io.flush();
                case 1, 2 -> {
                    io.read(start + at, buffer, 0, length);
                    byte[] seen = new byte[length];
                    buffer.bytes().get(0, seen);
                    if (!Arrays.equals(seen, 0, length, model, at, at + length)) {
                        throw new AssertionError("part " + part + " at " + at + " reads otherwise than it was written");
                    }
                }
                default -> {
                    byte[] bytes = new byte[length];
                    random.nextBytes(bytes);
                    buffer.bytes().put(0, bytes);
                    io.write(start + at, buffer, 0, length);
                    System.arraycopy(bytes, 0, model, at, length);
                }
            }
        }
        return model;
    }

    @Test
    void aServerThatIsKilledAgainAndAgainIsOnlySlow() throws Exception {
        KeptMemory memory = KeptMemory.ofThisProcess();
        ExecutorService writers = Executors.newFixedThreadPool(WRITERS);
        AtomicBoolean end = new AtomicBoolean();
        try (NfsImageDirectory folder = export.open("/", memory);
                ImageIo io = folder.create("killed");
                ImageLock lock = folder.lock("killed", true)) {
            io.truncate((long) WRITERS * PART_BYTES);
            List<Future<byte[]>> parts = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                int part = i;
                parts.add(writers.submit(() -> work(io, part, end)));
            }
            for (int i = 0; i < KILLS; i++) {
                Thread.sleep(1200);
                export.server().bounce();
            }
            Thread.sleep(500);
            end.set(true);
            byte[] expected = new byte[WRITERS * PART_BYTES];
            for (int i = 0; i < WRITERS; i++) {
                System.arraycopy(parts.get(i).get(60, TimeUnit.SECONDS), 0, expected, i * PART_BYTES, PART_BYTES);
            }
            io.flush();
            export.server().bounce();
            byte[] seen = Files.readAllBytes(export.server().export().resolve("killed"));
            assertThat(Arrays.mismatch(seen, expected)).isEqualTo(-1);
            assertThat(lock.descriptor()).isEqualTo(-1);
        } finally {
            end.set(true);
            writers.shutdownNow();
        }
    }

    @Test
    void whatAKilledProcessWroteIsWrittenByItsSuccessor(@TempDir Path state) throws Exception {
        String file = "succeeded";
        Path area = state.resolve("area");
        try (NfsImageDirectory folder = export.open("/", KeptMemory.ofThisProcess());
                ImageIo io = folder.create(file)) {
            io.truncate((long) NfsImageWriterMain.BLOCKS * NfsImageWriterMain.BLOCK_BYTES);
        }
        int acknowledged = writeUntilKilled(file, area);
        // The server forgets all of it.
        Path behind = export.server().export().resolve(file);
        export.server().kill();
        Files.write(behind, new byte[NfsImageWriterMain.BLOCKS * NfsImageWriterMain.BLOCK_BYTES]);
        export.server().run();
        try (NfsImageDirectory folder = export.open("/", TmpfsStateArea.resume(area));
                ImageLock lock = folder.lock(file, true);
                ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            ByteBuffer seen = ByteBuffer.wrap(Files.readAllBytes(behind)).order(ByteOrder.LITTLE_ENDIAN);
            for (int block = 0; block < NfsImageWriterMain.BLOCKS; block++) {
                int last = lastWriteTo(block, acknowledged);
                assertThat(seen.getLong(block * NfsImageWriterMain.BLOCK_BYTES))
                        .as("block " + block + ", " + acknowledged + " writes acknowledged, lock " + lock)
                        .isIn((long) last, (long) last + NfsImageWriterMain.BLOCKS);
            }
            assertThat(io.size()).isEqualTo(seen.capacity());
        }
    }

    private static int lastWriteTo(int block, int acknowledged) {
        int last = acknowledged - Math.floorMod(acknowledged - block, NfsImageWriterMain.BLOCKS);
        return Math.max(0, last);
    }

    /** How many writes were acknowledged. */
    private static int writeUntilKilled(String file, Path area) throws Exception {
        List<String> command = JavaCommand.ofThisJava().line(List.of("-Xmx64m"), NfsImageWriterMain.class.getName());
        command.addAll(
                List.of(export.server().address(), export.server().export().toString(), area.toString(), file));
        Process writer = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(writer.getInputStream(), StandardCharsets.US_ASCII))) {
            int acknowledged = 0;
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                acknowledged = Integer.parseInt(line);
                if (acknowledged == 50) {
                    assertThat(Processes.byPid(writer.pid()).signal(Processes.KILL))
                            .isTrue();
                }
            }
            assertThat(writer.waitFor(10, TimeUnit.SECONDS)).isTrue();
            assertThat(acknowledged).isGreaterThanOrEqualTo(50);
            return acknowledged;
        } finally {
            writer.destroyForcibly();
        }
    }

    @Test
    void anotherHostIsRefusedUntilAnOperatorSaysOtherwise() throws Exception {
        try (NfsImageDirectory here = export.open("/", KeptMemory.ofThisProcess());
                NfsImageDirectory there = NfsImageDirectory.open(
                        "nfs://there",
                        () -> NfsConnection.open(
                                export.server().server(),
                                export.server().export().toString(),
                                RealExport.SETTINGS.requestLimit(),
                                () -> {}),
                        "/",
                        RealExport.SETTINGS,
                        KeptMemory.ofThisProcess(),
                        NfsClock.REAL,
                        new Random(3),
                        otherHost())) {
            here.create("wanted").close();
            try (ImageLock lock = here.lock("wanted", true)) {
                assertThat(kindOf(() -> there.lock("wanted", true))).isEqualTo(ImageException.Kind.IN_USE);
                assertThatThrownBy(() -> there.lock("wanted", false))
                        .hasMessageContaining("is in use by host")
                        .hasMessageContaining("last said that it is alive")
                        .hasMessageContaining("break the lock");
                assertThat(lock.convert(false)).isTrue();
                there.lock("wanted", false).close();
                assertThat(kindOf(() -> there.lock("wanted", true))).isEqualTo(ImageException.Kind.IN_USE);
                assertThat(lock.convert(true)).isTrue();
            }
            there.lock("wanted", true).close();
            here.lock("wanted", true).close();
        }
    }

    private static OwnerProcesses otherHost() {
        return new OwnerProcesses() {
            @Override
            public OwnerProcess self() {
                return new OwnerProcess("another", "boot", "pid:[1]", 1, 1);
            }

            @Override
            public boolean certainlyDead(OwnerProcess process) {
                return false;
            }
        };
    }

    @Test
    void aBrokenLockEndsTheWritingOfItsOwner() throws Exception {
        try (NfsImageDirectory here = export.open("/", KeptMemory.ofThisProcess())) {
            ImageIo io = here.create("broken");
            NfsLock lock = (NfsLock) here.lock("broken", true);
            AlignedBuffer buffer = AlignedBuffer.allocate(4096);
            io.write(0, buffer, 0, 4096);
            // As breakLock does when it has waited.
            Files.move(
                    export.server().export().resolve(lock.recordName()),
                    export.server().export().resolve("moved"));
            export.server().bounce();
            long limit = System.nanoTime() + 10_000_000_000L;
            assertThatThrownBy(() -> {
                        while (System.nanoTime() < limit) {
                            io.write(0, buffer, 0, 4096);
                            Thread.sleep(50);
                        }
                    })
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.SUSPECT))
                    .hasMessageContaining("lock");
            io.close();
            lock.close();
        }
    }
}
