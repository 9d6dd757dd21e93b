package org.tidemark.backup.target.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** A real server that dies, hangs, fills up, refuses; a child process that is killed. */
@Timeout(120)
@Requires({"root", NfsFolders.SERVER, NfsFolders.PORT_MAPPER, "ip"})
class NfsTargetFaultIT {
    private static final Duration SOON = Duration.ofSeconds(2);
    private static final Duration LONG = Duration.ofSeconds(30);

    private static TargetException failure(Kind kind, ThrowingCallable call) {
        TargetException[] thrown = new TargetException[1];
        assertThatExceptionOfType(TargetException.class).isThrownBy(call).satisfies(e -> {
            assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
            thrown[0] = e;
        });
        return thrown[0];
    }

    private static ByteBuffer noise(long seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return ByteBuffer.allocateDirect(length).put(bytes).flip();
    }

    private static void assertHolds(BackupTarget target, String key, ByteBuffer content) throws Exception {
        ByteBuffer got = ByteBuffer.allocateDirect(content.remaining());
        assertThat(target.get(key, ByteRange.head(content.remaining()), got)).isEqualTo(content.remaining());
        assertThat(got.flip().mismatch(content)).as(key).isEqualTo(-1);
    }

    private static List<Path> temporaries(NfsServerProcess server, NfsLocation location) throws Exception {
        try (Stream<Path> files = Files.list(Path.of(location.path()).resolve(".tmp"))) {
            return files.toList();
        }
    }

    /** Blobs of two windows and more, while the server is killed and started again all the time. */
    @Test
    void aServerThatIsKilledAgainAndAgainLosesNothing() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start()) {
            NfsLocation location = NfsFolders.newFolder(server);
            ExecutorService writers = Executors.newFixedThreadPool(3);
            try (NfsTarget target = NfsTarget.create(location, JavaCommand.ofThisJava(), LONG)) {
                List<Future<Integer>> running = new ArrayList<>();
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(8);
                for (int i = 0; i < 3; i++) {
                    int writer = i;
                    running.add(writers.submit(() -> {
                        int count = 0;
                        while (System.nanoTime() < end) {
                            ByteBuffer content = noise(writer * 1000L + count, (17 << 20) + 4711 * count);
                            target.putIfAbsent("pack/" + writer + "/" + count, List.of(content));
                            assertHolds(target, "pack/" + writer + "/" + count, content);
                            count++;
                        }
                        return count;
                    }));
                }
                int bounces = 0;
                while (System.nanoTime() < end) {
                    Thread.sleep(700);
                    server.kill();
                    Thread.sleep(300);
                    server.run();
                    bounces++;
                }
                int puts = 0;
                for (Future<Integer> writer : running) {
                    puts += writer.get(60, TimeUnit.SECONDS);
                }
                System.out.println("NFS server killed " + bounces + " times under " + puts + " puts of 17 MiB");
                assertThat(puts).isGreaterThan(2);
                int[] listed = new int[1];
                target.list("pack/", (key, sizeBytes) -> listed[0]++);
                assertThat(listed[0]).isEqualTo(puts);
                for (int writer = 0; writer < 3; writer++) {
                    ByteBuffer content = noise(writer * 1000L, 17 << 20);
                    byte[] stored = Files.readAllBytes(Path.of(location.path(), "pack/" + writer + "/0"));
                    assertThat(ByteBuffer.wrap(stored).mismatch(content)).isEqualTo(-1);
                }
                assertThat(temporaries(server, location)).isEmpty();
            } finally {
                writers.shutdownNow();
            }
        }
    }

    /** Every verb through the child, with every kind of range, and what it refuses. */
    @Test
    void theChildHandsEverythingOver() throws Exception {
        try (NfsTarget target = NfsFolders.newProcess(NfsFolders.server(), LONG)) {
            ByteBuffer content = noise(9, (5 << 20) + 3);
            target.putIfAbsent("p/a", List.of(content.slice(0, 1000), content.slice(1000, content.limit() - 1000)));
            target.putIfAbsent("p/b/empty", List.of());
            assertHolds(target, "p/a", content);
            for (ByteRange range : List.of(
                    ByteRange.exact(70_000, 2 << 20),
                    ByteRange.tail(100),
                    ByteRange.upTo(content.limit() - 7L, 100),
                    ByteRange.head(5))) {
                ByteBuffer got = ByteBuffer.allocate(3 << 20).position(2);
                assertThat(target.get("p/a", range, got)).isEqualTo(content.limit());
                int start = (int) range.startIn(content.limit());
                int length = range.lengthIn(content.limit());
                assertThat(got.position()).isEqualTo(2 + length);
                assertThat(got.slice(2, length).mismatch(content.slice(start, length)))
                        .isEqualTo(-1);
            }
            assertThat(target.stat("p/a")).isEqualTo(content.limit());
            assertThat(target.stat("p/b/empty")).isZero();
            failure(Kind.CONFLICT, () -> target.putIfAbsent("p/a", List.of(content)));
            failure(Kind.NOT_FOUND, () -> target.stat("p/c"));
            failure(Kind.CORRUPT, () -> target.get("p/a", ByteRange.exact(content.limit(), 1), content.duplicate()));
            List<String> seen = new ArrayList<>();
            // A visitor may ask for more.
            target.list("p/", (key, sizeBytes) -> seen.add(key + " " + (sizeBytes == target.stat(key))));
            target.listFolders("p/", seen::add);
            assertThat(seen).containsExactly("p/a true", "p/b/empty true", "b");
            target.validate();
        }
    }

    @Test
    void aServerThatHangsIsAnErrorInTimeAndThenGoesOn() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start();
                NfsTarget target = NfsFolders.newProcess(server, SOON)) {
            target.putIfAbsent("a", List.of(noise(1, 100)));
            server.stall();
            long start = System.nanoTime();
            TargetException hangs = failure(Kind.UNREACHABLE, () -> target.putIfAbsent("b", List.of(noise(2, 100))));
            assertThat(hangs.mayPass()).isTrue();
            assertThat(hangs).hasMessageContaining("does not answer").hasMessageContaining("2049");
            failure(Kind.UNREACHABLE, () -> target.list("", (key, sizeBytes) -> {}));
            failure(Kind.UNREACHABLE, () -> target.stat("a"));
            assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(20));
            server.resume();
            target.putIfAbsent("c", List.of(noise(3, 100)));
            assertHolds(target, "a", noise(1, 100));
            // Its port mapper answers; that is not an answer of the server.
            server.end();
            long ended = System.nanoTime();
            failure(Kind.UNREACHABLE, () -> target.stat("a"));
            assertThat(System.nanoTime() - ended).isLessThan(TimeUnit.SECONDS.toNanos(10));
            server.run();
            assertHolds(target, "c", noise(3, 100));
        }
    }

    @Test
    void aChildThatIsKilledCostsTheCallsUnderWay() throws Exception {
        NfsServerProcess server = NfsFolders.server();
        try (NfsTarget target = NfsFolders.newProcess(server, LONG)) {
            target.putIfAbsent("a", List.of(noise(1, 100)));
            for (int signal : new int[] {9, 11}) {
                long pid = target.childPid();
                server.stall();
                Thread killer = new Thread(() -> {
                    try {
                        Thread.sleep(500);
                        Commands.run(SOON, "kill", "-" + signal, Long.toString(pid));
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                });
                killer.start();
                TargetException gone =
                        failure(Kind.RETRYABLE, () -> target.putIfAbsent("b" + signal, List.of(noise(2, 100))));
                assertThat(gone.mayPass()).isTrue();
                assertThat(gone).hasMessageContaining("client process ended");
                killer.join(5000);
                server.resume();
                assertHolds(target, "a", noise(1, 100));
                assertThat(target.childPid()).isNotEqualTo(pid);
            }
        } finally {
            server.resume();
        }
    }

    @Test
    void aFullServerIsSaidAndNothingIsLeft() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start(48)) {
            NfsLocation location = NfsFolders.newFolder(server);
            try (NfsTarget target = NfsTarget.create(location, JavaCommand.ofThisJava(), LONG)) {
                target.putIfAbsent("a", List.of(noise(1, 1 << 20)));
                TargetException full =
                        failure(Kind.FULL, () -> target.putIfAbsent("large", List.of(noise(2, 60 << 20))));
                assertThat(full).hasMessageContaining("make room on the server");
                failure(Kind.NOT_FOUND, () -> target.stat("large"));
                assertThat(temporaries(server, location)).isEmpty();
                target.putIfAbsent("b", List.of(noise(3, 1 << 20)));
                assertHolds(target, "a", noise(1, 1 << 20));
            }
        }
    }

    @Test
    void refusalsSayWhatToDo() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start()) {
            NfsLocation location = NfsFolders.newFolder(server);
            try (NfsFolder target = NfsFolders.inThisProcess(location, true, LONG)) {
                target.putIfAbsent("a", List.of(noise(1, 100)));

                server.changeExport("Access_Type = RW", "Access_Type = RO");
                assertThat(failure(Kind.DENIED, () -> target.putIfAbsent("b", List.of(noise(2, 100)))))
                        .hasMessageContaining("read-only")
                        .hasMessageContaining("export it rw");
                assertHolds(target, "a", noise(1, 100));

                server.changeExport("Access_Type = RO", "Access_Type = RW");
                server.changeExport("Squash = No_Root_Squash", "Squash = Root_Squash");
                assertThat(failure(Kind.DENIED, () -> target.putIfAbsent("c", List.of(noise(3, 100)))))
                        .hasMessageContaining("root_squash")
                        .hasMessageContaining("uid=N");
                Commands.run(SOON, "chown", "-R", "1234:1234", location.path());
                server.bounce(); // It believes what it has in memory.
                NfsLocation asOwner = NfsLocation.parse(location.address() + "?uid=1234&gid=1234");
                try (NfsFolder owned = NfsFolders.inThisProcess(asOwner, false, LONG)) {
                    owned.putIfAbsent("c", List.of(noise(3, 100)));
                    assertHolds(owned, "c", noise(3, 100));
                    assertThat(Files.getAttribute(Path.of(location.path(), "c"), "unix:uid", LinkOption.NOFOLLOW_LINKS))
                            .isEqualTo(1234);
                }
            }
            NfsLocation elsewhere = NfsLocation.parse("nfs://" + server.address() + "/srv/nothing");
            assertThat(failure(Kind.UNREACHABLE, () -> NfsFolders.inThisProcess(elsewhere, true, SOON)))
                    .hasMessageContaining("does not export /srv/nothing")
                    .hasMessageContaining(server.export().toString());
            NfsLocation long1 =
                    NfsLocation.parse("nfs://" + server.address() + server.export() + "/" + "n".repeat(300));
            server.changeExport("Squash = Root_Squash", "Squash = No_Root_Squash");
            assertThat(failure(Kind.DENIED, () -> NfsFolders.inThisProcess(long1, true, SOON)))
                    .hasMessageContaining("too long");
            NfsLocation nobody = NfsLocation.parse("nfs://192.0.2.1/srv");
            assertThat(failure(Kind.UNREACHABLE, () -> NfsFolders.inThisProcess(nobody, false, Duration.ofSeconds(1))))
                    .hasMessageContaining("does not answer");
        }
    }

    /** Another file system under the same address; then none. Nothing is taken for empty, nothing is written. */
    @Test
    void anotherExportUnderTheSameAddressIsFound() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start()) {
            NfsLocation location = NfsFolders.newFolder(server);
            Path folder = Path.of(location.path());
            try (NfsTarget target = NfsTarget.create(location, JavaCommand.ofThisJava(), LONG)) {
                target.putIfAbsent("a", List.of(noise(1, 100)));
                Path aside = folder.resolveSibling("aside");
                Files.move(folder, aside);
                server.bounce(); // It believes what it has in memory.
                List<ThrowingCallable> all = List.of(
                        () -> target.list("", (key, sizeBytes) -> {}),
                        () -> target.listFolders("", name -> {}),
                        () -> target.stat("z"),
                        () -> target.get("z", ByteRange.head(1), ByteBuffer.allocateDirect(1)),
                        () -> target.putIfAbsent("b", List.of(noise(2, 10))),
                        target::validate);
                for (ThrowingCallable call : all) {
                    assertThat(failure(Kind.UNREACHABLE, call)).hasMessageContaining(TargetMarker.NAME);
                }
                NfsFolders.inThisProcess(location, true, LONG).close();
                for (ThrowingCallable call : all) {
                    assertThat(failure(Kind.UNREACHABLE, call)).hasMessageContaining("another one than was opened");
                }
                try (Stream<Path> written = Files.list(folder)) {
                    assertThat(written.map(Path::getFileName).map(Path::toString))
                            .containsExactlyInAnyOrder(TargetMarker.NAME, ".tmp");
                }
                Files.move(folder, folder.resolveSibling("other"));
                Files.move(aside, folder);
                server.bounce();
                assertHolds(target, "a", noise(1, 100));
                target.putIfAbsent("b", List.of(noise(2, 10)));
                // Somebody tidies up: folders that were known are made again.
                Commands.run(SOON, "rm", "-r", folder.resolve(".tmp").toString());
                server.bounce();
                target.putIfAbsent("c", List.of(noise(3, 10)));
                assertHolds(target, "c", noise(3, 10));
                // Another file system whose numbers are the same.
                Files.write(folder.resolve(TargetMarker.NAME), TargetMarker.content("0123456789abcdef".repeat(2)));
                server.bounce();
                for (ThrowingCallable call : all) {
                    assertThat(failure(Kind.UNREACHABLE, call)).hasMessageContaining("another one than was opened");
                }
            }
        }
    }
}
