package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.io.ImageException;

@Timeout(30)
class ControlServerTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    @TempDir
    private Path temp;

    private final ControlCommands commands = new ControlCommands();
    private RunFolder run;
    private ControlServer server;

    @BeforeEach
    void start() throws IOException {
        run = new RunFolder(temp);
        commands.add("echo", (arguments, session) -> arguments);
        server = ControlServer.start(run.controlSocket(), commands, Fields.of("generation", 3), 2);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private static void assertKind(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call, ControlException.Kind kind) {
        assertThatThrownBy(call).isInstanceOfSatisfying(ControlException.class, e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    @Test
    void requestsAndAnswers() throws Exception {
        try (ControlClient client = ControlClient.connect(run, LIMIT)) {
            assertThat(client.greeting().number("generation")).isEqualTo(3);
            assertThat(client.greeting().number("protocol")).isEqualTo(2);
            Fields sent = Fields.of("text", "line\nbreak \u00e4", "number", 1L << 40, "flag", true);
            Fields back = client.request("echo", sent, LIMIT);
            assertThat(back.text("text")).isEqualTo("line\nbreak \u00e4");
            assertThat(back.number("number")).isEqualTo(1L << 40);
            assertThat(back.flag("flag")).isTrue();
        }
    }

    @Test
    void failuresKeepTheirKind() throws Exception {
        commands.add("damaged", (arguments, session) -> {
            throw new ImageException(ImageException.Kind.DAMAGED, "the table ends early");
        });
        commands.add("broken", (arguments, session) -> {
            throw new IllegalStateException("a bug");
        });
        try (ControlClient client = ControlClient.connect(run, LIMIT)) {
            assertKind(() -> client.request("nothing", Fields.NONE, LIMIT), ControlException.Kind.UNKNOWN_COMMAND);
            assertThatThrownBy(() -> client.request("damaged", Fields.NONE, LIMIT))
                    .hasMessage("the table ends early")
                    .isInstanceOfSatisfying(
                            ControlException.class, e -> assertThat(e.kind()).isEqualTo(ControlException.Kind.DAMAGED));
            assertKind(() -> client.request("broken", Fields.NONE, LIMIT), ControlException.Kind.FAILED);
            assertThat(client.request("echo", Fields.NONE, LIMIT).values()).isEmpty();
        }
    }

    @Test
    void aSlowCommandRunsIntoTheClientsLimitAndHoldsUpNobody() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        commands.add("slow", (arguments, session) -> {
            try {
                release.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return Fields.NONE;
        });
        try (ControlClient slow = ControlClient.connect(run, LIMIT);
                ControlClient other = ControlClient.connect(run, LIMIT)) {
            assertKind(() -> slow.request("slow", Fields.NONE, Duration.ofMillis(100)), ControlException.Kind.TIME_OUT);
            other.request("echo", Fields.NONE, LIMIT);
            assertKind(() -> slow.request("echo", Fields.NONE, LIMIT), ControlException.Kind.DISCONNECTED);
        } finally {
            release.countDown();
        }
    }

    @Test
    void whatASessionOwnsEndsWithIt() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        commands.add("open", (arguments, session) -> {
            session.own(closed::countDown);
            return Fields.NONE;
        });
        ControlClient client = ControlClient.connect(run, LIMIT);
        client.request("open", Fields.NONE, LIMIT);
        assertThat(closed.getCount()).isEqualTo(1);
        client.close();
        assertThat(closed.await(5, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void theFirstWordIsHelloAndVersionsMustMeet() throws Exception {
        try (LineChannel raw = LineChannel.connect(run.controlSocket())) {
            raw.write("{\"id\":1,\"command\":\"echo\"}", LIMIT);
            assertThat(raw.read(LIMIT)).contains("USAGE").contains("\"id\":1");
            raw.write(
                    "{\"id\":2,\"command\":\"hello\",\"arguments\":{\"protocol\":{\"lowest\":7,\"highest\":9}}}",
                    LIMIT);
            assertThat(raw.read(LIMIT)).contains("PROTOCOL");
            raw.write("{\"id\":3,\"command\":\"echo\"}", LIMIT);
            assertThat(raw.read(LIMIT)).contains("USAGE");
            raw.write(
                    "{\"id\":4,\"command\":\"hello\",\"new\":1,\"arguments\":{\"protocol\":{\"lowest\":0,\"highest\":9}}}",
                    LIMIT);
            assertThat(raw.read(LIMIT)).contains("\"protocol\":2");
            raw.write("not json", LIMIT);
            assertThat(raw.read(LIMIT)).contains("USAGE").contains("\"id\":-1");
            raw.write("{\"id\":5,\"command\":\"echo\",\"arguments\":{\"a\":1}}", LIMIT);
            assertThat(raw.read(LIMIT)).contains("\"a\":1");
        }
    }

    @Test
    void aLineWithoutEndIsCutOff() throws Exception {
        try (LineChannel raw = LineChannel.connect(run.controlSocket())) {
            String piece = "x".repeat(LineChannel.MAX_LINE_BYTES - 1);
            raw.write(piece, LIMIT);
            assertThat(raw.read(LIMIT)).contains("USAGE");
        }
        try (LineChannel raw = LineChannel.connect(run.controlSocket())) {
            assertThatThrownBy(() -> raw.write("x".repeat(LineChannel.MAX_LINE_BYTES), LIMIT))
                    .isInstanceOf(ControlException.class);
        }
    }

    @Test
    void nobodyListens() throws Exception {
        server.close();
        Files.deleteIfExists(run.controlSocket());
        assertKind(() -> ControlClient.connect(run, LIMIT), ControlException.Kind.DISCONNECTED);
    }
}
