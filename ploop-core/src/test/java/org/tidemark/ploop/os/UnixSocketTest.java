package org.tidemark.ploop.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class UnixSocketTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    @TempDir
    private Path folder;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private NativeFile file(String name) throws Exception {
        return NativeFile.open(folder.resolve(name), NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
    }

    @Test
    void messagesKeepTheirBoundariesAndTheirDescriptors() throws Exception {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket one = pair.get(0);
                UnixSocket other = pair.get(1);
                NativeFile first = file("first");
                NativeFile second = file("second")) {
            first.truncate(11);
            second.truncate(22);
            one.send(bytes("with two"), List.of(first, second), LIMIT);
            one.send(bytes("without"), List.of(), LIMIT);

            UnixSocket.Message message = other.receive(LIMIT);
            assertThat(message.text()).isEqualTo("with two");
            assertThat(message.descriptors()).hasSize(2);
            assertThat(message.descriptors().get(0).size()).isEqualTo(11);
            assertThat(message.descriptors().get(1).size()).isEqualTo(22);
            for (NativeFile descriptor : message.descriptors()) {
                assertThat(descriptor.fd()).isNotIn(first.fd(), second.fd());
                descriptor.close();
            }
            assertThat(other.receive(LIMIT).text()).isEqualTo("without");
        }
    }

    @Test
    void aLockLivesInTheDuplicate() throws Exception {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket one = pair.get(0);
                UnixSocket other = pair.get(1);
                NativeFile rival = file("locked")) {
            NativeFile owner = file("locked");
            assertThat(owner.tryLock(true)).isTrue();
            one.send(bytes("keep"), List.of(owner), LIMIT);
            NativeFile kept = other.receive(LIMIT).descriptors().get(0);
            owner.close();
            assertThat(rival.tryLock(true)).isFalse();
            kept.close();
            assertThat(rival.tryLock(true)).isTrue();
        }
    }

    @Test
    void asManyDescriptorsAsAMessageCanCarry() throws Exception {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket one = pair.get(0);
                UnixSocket other = pair.get(1);
                NativeFile file = file("many")) {
            List<NativeFile> many = new ArrayList<>();
            for (int i = 0; i < UnixSocket.MAX_DESCRIPTORS; i++) {
                many.add(file);
            }
            one.send(bytes("many"), many, LIMIT);
            List<NativeFile> received = other.receive(LIMIT).descriptors();
            assertThat(received).hasSize(UnixSocket.MAX_DESCRIPTORS);
            for (NativeFile descriptor : received) {
                descriptor.close();
            }
        }
    }

    @Test
    void everyWaitHasALimit() throws Exception {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket one = pair.get(0);
                UnixSocket other = pair.get(1)) {
            assertThatThrownBy(() -> one.receive(Duration.ofMillis(20)))
                    .isInstanceOfSatisfying(
                            OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT));
            assertThat(one.awaitHangUp(Duration.ofMillis(20))).isFalse();
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 10_000; i++) {
                            other.send(new byte[60_000], List.of(), Duration.ofMillis(20));
                        }
                    })
                    .isInstanceOfSatisfying(
                            OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT));
        }
    }

    @Test
    void theEndOfTheOtherSideIsSeen() throws Exception {
        List<UnixSocket> pair = UnixSocket.pair();
        try (UnixSocket one = pair.get(0)) {
            pair.get(1).close();
            assertThat(one.awaitHangUp(LIMIT)).isTrue();
            assertThat(one.receive(LIMIT)).isNull();
        }
    }

    @Test
    void listenersReplaceAStaleSocketFile() throws Exception {
        Path path = folder.resolve("s");
        UnixSocket.listen(path).close();
        assertThat(Files.exists(path)).isTrue();
        assertThatThrownBy(() -> UnixSocket.connect(path, LIMIT)).isInstanceOf(OsException.class);
        try (UnixSocket listener = UnixSocket.listen(path);
                UnixSocket client = UnixSocket.connect(path, LIMIT);
                UnixSocket server = listener.accept(LIMIT)) {
            client.send(bytes("hello"), List.of(), LIMIT);
            assertThat(server.receive(LIMIT).text()).isEqualTo("hello");
            assertThat(listener.accept(Duration.ofMillis(20))).isNull();
        }
    }

    @Test
    void tooLongPathsAreRefusedWithASentence() {
        Path path = folder.resolve("x".repeat(120));
        assertThatThrownBy(() -> UnixSocket.listen(path)).hasMessageContaining("at most 107 bytes");
    }
}
