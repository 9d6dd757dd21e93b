package org.tidemark.ploop.os.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** libnfs against a real server; the server's own folder is the second opinion. */
@Requires({"root", "ganesha.nfsd", "rpcbind", "ip"})
final class NfsConnectionIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private static NfsConnection open(NfsServerProcess server, Duration limit) throws Exception {
        return NfsConnection.open(server.server(), server.export().toString(), limit, () -> {});
    }

    private static int errno(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        OsException[] thrown = new OsException[1];
        assertThatExceptionOfType(OsException.class).isThrownBy(call).satisfies(e -> thrown[0] = e);
        return thrown[0].errno();
    }

    @Test
    void filesAreReadAndWritten() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start();
                NfsConnection nfs = open(server, LIMIT)) {
            assertThat(NfsConnection.exports(server.server(), LIMIT))
                    .containsExactly(server.export().toString());
            assertThat(nfs.transferBytes()).isEqualTo(1 << 20);
            namesWork(nfs, server.export());
            dataWork(nfs, server.export());
            aRestartIsSeen(nfs, server);
        }
    }

    private static void namesWork(NfsConnection nfs, Path export) throws Exception {
        nfs.createFolder("/a", 0700);
        assertThat(errno(() -> nfs.createFolder("/a", 0700))).isEqualTo(Errno.EEXIST);
        nfs.create("/a/one", 0600);
        nfs.link("/a/one", "/a/two");
        assertThat(errno(() -> nfs.link("/a/one", "/a/two"))).isEqualTo(Errno.EEXIST);
        assertThat(nfs.attributes("/a/one").sameFile(nfs.attributes("/a/two"))).isTrue();
        assertThat(nfs.attributes("/a/one").names()).isEqualTo(2);
        nfs.rename("/a/two", "/a/three");
        assertThat(nfs.list("/a")).extracting(NfsEntry::name).containsExactlyInAnyOrder("one", "three");
        assertThat(nfs.list("/"))
                .containsExactly(new NfsEntry("a", true, nfs.list("/").get(0).sizeBytes()));
        nfs.remove("/a/three");
        assertThat(errno(() -> nfs.attributes("/a/three"))).isEqualTo(Errno.ENOENT);
        assertThat(errno(() -> nfs.open("/nothing"))).isEqualTo(Errno.ENOENT);
        assertThat(errno(() -> nfs.removeFolder("/a"))).isEqualTo(Errno.ENOTEMPTY);
        assertThat(errno(() -> nfs.create("/a/" + "n".repeat(300), 0600))).isEqualTo(Errno.ENAMETOOLONG);
        assertThat(nfs.freeBytes("/"))
                .isBetween(1L << 20, Files.getFileStore(export).getTotalSpace());
    }

    private static void dataWork(NfsConnection nfs, Path export) throws Exception {
        byte[] noise = new byte[(10 << 20) + 4711];
        new Random(7).nextBytes(noise);
        ByteBuffer buffer = ByteBuffer.allocateDirect(noise.length).put(0, noise);
        NfsHandle file = nfs.open("/a/one");
        NfsClient.Written written = nfs.write(file, 100, buffer, false);
        assertThat(written.oneVerifier()).isTrue();
        assertThat(nfs.commit(file)).isEqualTo(written.verifier());
        byte[] seen = Files.readAllBytes(export.resolve("a/one"));
        assertThat(seen.length).isEqualTo(100 + noise.length);
        assertThat(java.util.Arrays.mismatch(java.util.Arrays.copyOfRange(seen, 100, seen.length), noise))
                .isEqualTo(-1);

        ByteBuffer back = ByteBuffer.allocateDirect(noise.length + 1000);
        assertThat(nfs.read(file, 100, back)).isEqualTo(noise.length);
        assertThat(back.flip().mismatch(ByteBuffer.wrap(noise))).isEqualTo(-1);
        assertThat(nfs.read(file, 100 + noise.length - 10L, back.clear())).isEqualTo(10);
        assertThat(nfs.read(file, 1L << 40, back.clear())).isZero();

        assertThat(nfs.write(file, 0, buffer.slice(0, 4096), true).durable()).isTrue();
        nfs.truncate("/a/one", 5000);
        assertThat(Files.size(export.resolve("a/one"))).isEqualTo(5000);
    }

    private static void aRestartIsSeen(NfsConnection nfs, NfsServerProcess server) throws Exception {
        ByteBuffer some = ByteBuffer.allocateDirect(8192);
        NfsHandle file = nfs.open("/a/one");
        long before = nfs.write(file, 0, some, false).verifier();
        // The verifier of this server is the second it was started in.
        Thread.sleep(1100);
        server.bounce();
        assertThatExceptionOfType(NfsLostException.class).isThrownBy(() -> nfs.commit(file));
        assertThatExceptionOfType(NfsLostException.class).isThrownBy(() -> nfs.attributes("/a"));
        try (NfsConnection again = open(server, LIMIT)) {
            // The same handle goes on, the verifier does not.
            assertThat(again.commit(file)).isNotEqualTo(before);
        }
        try (NfsConnection stalled = open(server, Duration.ofSeconds(1))) {
            server.stall();
            long start = System.nanoTime();
            assertThatExceptionOfType(NfsLostException.class).isThrownBy(() -> stalled.attributes("/a"));
            assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
            server.resume();
        }
        server.kill();
        assertThatExceptionOfType(NfsLostException.class).isThrownBy(() -> open(server, Duration.ofSeconds(2)));
    }
}
