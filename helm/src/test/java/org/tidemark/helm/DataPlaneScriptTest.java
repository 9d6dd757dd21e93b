package org.tidemark.helm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first process of the data plane's container, with a holder and a server that only pretend. */
final class DataPlaneScriptTest {
    @TempDir
    Path run;

    private Process shell;

    @BeforeEach
    void start() throws IOException {
        // A holder that starts a server and waits for it, as the real one does.
        script(
                "tidemark",
                "[ \"$1\" = holder ] || exit 9",
                "echo $$ > $TIDEMARK_RUN/holder.pid",
                "sh $TIDEMARK_RUN/DeviceServerMain.sh & server=$!",
                "echo \"{\\\"pid\\\":$server,\\\"startTicks\\\":1}\" > $TIDEMARK_RUN/server.json",
                "wait $server");
        script(
                "DeviceServerMain.sh",
                "trap '[ -e $TIDEMARK_RUN/attached ] || exit 0' TERM",
                "while :; do sleep 0.1; done");
        ProcessBuilder builder = new ProcessBuilder(
                "/bin/sh", "-c", Files.readString(Chart.own().folder().resolve("files/data-plane.sh")));
        builder.environment().put("TIDEMARK_RUN", run.toString());
        builder.environment().put("TIDEMARK_PROGRAM", run.resolve("tidemark").toString());
        builder.environment().put("TIDEMARK_PATIENCE_SECONDS", "2");
        shell = builder.redirectErrorStream(true)
                .redirectOutput(run.resolve("out").toFile())
                .start();
        await(() -> Files.exists(run.resolve("server.json")) && pid("server.json") > 0);
    }

    @AfterEach
    void stop() {
        shell.destroyForcibly();
        kill("holder.pid");
        kill("server.json");
    }

    private void script(String name, String... lines) throws IOException {
        Path file = run.resolve(name);
        Files.writeString(file, "#!/bin/sh\n" + String.join("\n", lines) + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    }

    private long pid(String file) {
        try {
            String number = Files.readString(run.resolve(file)).replaceAll("(?s)^\\D*(\\d*).*", "$1");
            return number.isEmpty() ? 0 : Long.parseLong(number);
        } catch (IOException e) {
            return 0;
        }
    }

    private void kill(String file) {
        ProcessHandle.of(pid(file)).ifPresent(ProcessHandle::destroyForcibly);
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("waited too long").isLessThan(end);
            java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
        }
    }

    private boolean endsWithin(int seconds) throws InterruptedException {
        return shell.waitFor(seconds, TimeUnit.SECONDS);
    }

    @Test
    void staysWhileTheServerLivesWithoutAHolder() throws Exception {
        kill("holder.pid");
        assertThat(endsWithin(4)).isFalse();
        kill("server.json");
        assertThat(endsWithin(15)).isTrue();
        assertThat(shell.exitValue()).isEqualTo(1);
        assertThat(run.resolve("out")).content().contains("neither holder nor device server is left");
    }

    @Test
    void asksTheServerToLeaveAndEndsWithIt() throws Exception {
        shell.destroy();
        assertThat(endsWithin(15)).isTrue();
        assertThat(shell.exitValue()).isZero();
        assertThat(ProcessHandle.of(pid("server.json")).filter(ProcessHandle::isAlive))
                .isEmpty();
    }

    @Test
    void waitsWhileSomethingIsAttachedAndAsksAgain() throws Exception {
        Files.createFile(run.resolve("attached"));
        shell.destroy();
        assertThat(endsWithin(4)).isFalse();
        assertThat(ProcessHandle.of(pid("server.json")).filter(ProcessHandle::isAlive))
                .isPresent();
        Files.delete(run.resolve("attached"));
        assertThat(endsWithin(15)).isTrue();
        assertThat(shell.exitValue()).isZero();
    }

    /** A number left behind that belongs to somebody else by now is nobody's server. */
    @Test
    void anotherProcessOfThatNumberIsNoServer() throws Exception {
        kill("holder.pid");
        kill("server.json");
        Process other = new ProcessBuilder("sleep", "60").start();
        try {
            Files.writeString(run.resolve("server.json"), "{\"pid\":" + other.pid() + "}");
            assertThat(endsWithin(15)).isTrue();
            assertThat(shell.exitValue()).isEqualTo(1);
            assertThat(other.isAlive()).isTrue();
        } finally {
            other.destroyForcibly();
        }
    }
}
