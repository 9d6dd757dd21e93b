package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.UnixSocket;

@Timeout(30)
class HolderTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    @TempDir
    private Path temp;

    private RunFolder run;
    private Holder holder;
    private UnixSocket socket;

    @BeforeEach
    void start() throws IOException {
        run = new RunFolder(temp);
        holder = new Holder(UnixSocket.listen(run.holderSocket()));
        holder.start();
        socket = UnixSocket.connect(run.holderSocket(), LIMIT);
    }

    @AfterEach
    void stop() throws IOException {
        socket.close();
        holder.close();
    }

    private NativeFile file(String name) throws IOException {
        return NativeFile.open(temp.resolve(name), NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
    }

    private HolderMessages.Answer ask(Fields question, NativeFile... descriptors) throws IOException {
        return HolderMessages.ask(socket, question, List.of(descriptors));
    }

    private static Fields verb(String verb, String device, String name) {
        return Fields.of("verb", verb, "device", device, "name", name);
    }

    @Test
    void whatIsKeptCanBeTakenAndStaysLocked() throws Exception {
        NativeFile lock = file("image");
        assertThat(lock.tryLock(true)).isTrue();
        ask(verb("keep", "d1", "image:lock"), lock);
        lock.close();
        try (NativeFile rival = file("image")) {
            assertThat(rival.tryLock(true)).isFalse();
            HolderMessages.Answer taken = ask(verb("take", "d1", null));
            assertThat(taken.fields().texts("names")).containsExactly("image:lock");
            taken.descriptors().get(0).close();
            assertThat(rival.tryLock(true)).isFalse();
            ask(verb("drop", "d1", null));
            assertThat(rival.tryLock(true)).isTrue();
        }
        assertThat(ask(verb("take", "d1", null)).descriptors()).isEmpty();
    }

    @Test
    void keepingAgainReplaces() throws Exception {
        try (NativeFile first = file("first");
                NativeFile second = file("second")) {
            first.truncate(1);
            second.truncate(2);
            ask(verb("keep", "d1", "x"), first);
            ask(verb("keep", "d1", "x"), second);
            ask(verb("keep", "d2", "x"), first);
            HolderMessages.Answer taken = ask(verb("take", "d1", null));
            assertThat(taken.descriptors()).hasSize(1);
            assertThat(taken.descriptors().get(0).size()).isEqualTo(2);
            ask(verb("drop", "d1", "x"));
            assertThat(holder.kept().devices()).containsExactly("d2");
        }
    }

    @Test
    void theServerMayLeaveOnlyWhenNothingIsKept() throws Exception {
        try (NativeFile file = file("first")) {
            ask(verb("keep", "d1", "x"), file);
            assertThat(ask(Fields.of("verb", "leaving")).fields().flag("agreed"))
                    .isFalse();
            assertThat(holder.serverLeaves()).isFalse();
            ask(verb("drop", "d1", null));
            assertThat(ask(Fields.of("verb", "leaving")).fields().flag("agreed"))
                    .isTrue();
            assertThat(holder.serverLeaves()).isTrue();
        }
    }

    @Test
    void nonsenseIsRefusedAndTheConnectionLives() throws Exception {
        assertThatThrownBy(() -> ask(Fields.of("verb", "dance"))).hasMessageContaining("unknown verb");
        assertThatThrownBy(() -> ask(verb("keep", "d1", "x"))).hasMessageContaining("one descriptor");
        assertThat(ask(Fields.of("verb", "hello")).fields().number("pid")).isPositive();
    }

    @Test
    void aWatchOnAFileSystemThatIsNotFrozenIsCalledOffQuietly() throws Exception {
        try (NativeFile folder = NativeFile.open(temp, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            FreezeWatch watch = FreezeWatch.arm(run, folder, Duration.ofSeconds(20));
            assertThat(watch.callOff()).isFalse();
        }
    }
}
