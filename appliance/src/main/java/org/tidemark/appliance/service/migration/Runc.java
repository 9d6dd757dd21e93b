package org.tidemark.appliance.service.migration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/** The runc command, for containers that are stopped and started. */
final class Runc {
    private static final Logger LOG = Logger.getLogger(Runc.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration GRACE = Duration.ofSeconds(20);
    private static final long LOOK_MILLIS = 20;
    private static final int MAX_SAID_BYTES = 4_000;

    /** runc's state folder; empty for its usual one. */
    private final String root;

    Runc(String root) {
        this.root = root;
    }

    /** How a container is. */
    record State(String status, Path bundle) {
        boolean runs() {
            return status.equals("running") || status.equals("created") || status.equals("paused");
        }
    }

    /** Whether the command is there. */
    static boolean isInstalled() throws IOException {
        try {
            return new Runc("").call("--version").exitCode() == 0;
        } catch (IOException e) {
            if (e instanceof InterruptedIOException) {
                throw e;
            }
            return false;
        }
    }

    /** Empty when runc does not know it. */
    Optional<State> state(String id) throws IOException {
        Outcome outcome = call("state", id);
        if (outcome.exitCode() != 0) {
            return Optional.empty();
        }
        JsonNode json = JSON.readTree(outcome.out());
        return Optional.of(new State(
                json.path("status").asText(), Path.of(json.path("bundle").asText())));
    }

    /** Asks it to end, kills it when it does not, and makes runc forget it. Nothing happens when runc does not know it. */
    void stop(String id) throws IOException {
        if (state(id).isEmpty()) {
            return;
        }
        call("kill", id, "TERM");
        if (!ends(id, GRACE)) {
            LOG.warnf("container %s did not end within %d s of being asked to; it is killed", id, GRACE.toSeconds());
            call("kill", id, "KILL");
            if (!ends(id, LIMIT)) {
                throw new IOException("container " + id + " does not end although it was killed");
            }
        }
        Outcome deleted = call("delete", id);
        if (deleted.exitCode() != 0 && state(id).isPresent()) {
            throw new IOException("runc cannot delete container " + id + ": " + deleted.out());
        }
    }

    private boolean ends(String id, Duration limit) throws IOException {
        long end = System.nanoTime() + limit.toNanos();
        while (System.nanoTime() - end < 0) {
            Optional<State> state = state(id);
            if (state.isEmpty() || state.get().status().equals("stopped")) {
                return true;
            }
            try {
                Thread.sleep(LOOK_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while container " + id + " was stopped");
            }
        }
        return false;
    }

    /** Starts it in the background; what it says goes nowhere, as nobody is there to read it. */
    void start(String id, Path bundle) throws IOException {
        Optional<State> known = state(id);
        if (known.isPresent() && known.get().runs()) {
            return;
        }
        if (known.isPresent()) {
            call("delete", "--force", id);
        }
        Outcome outcome = call("run", "--detach", "--bundle", bundle.toString(), id);
        if (outcome.exitCode() != 0) {
            throw new IOException("runc could not start container " + id + ": " + outcome.out());
        }
    }

    /** What a call said on both outputs. */
    private record Outcome(int exitCode, String out) {}

    private Outcome call(String... words) throws IOException {
        List<String> line = new ArrayList<>(List.of("runc"));
        if (!root.isEmpty()) {
            line.add("--root");
            line.add(root);
        }
        line.addAll(List.of(words));
        Path said = Files.createTempFile("tidemark-runc", "");
        try {
            // Into a file: a container that was started keeps what it is given open.
            Process process = new ProcessBuilder(line)
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                    .start();
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(
                        "'" + String.join(" ", line) + "' did not end within " + LIMIT.toSeconds() + " s");
            }
            byte[] bytes = Files.readAllBytes(said);
            String text = new String(bytes, 0, Math.min(bytes.length, MAX_SAID_BYTES * 4), StandardCharsets.UTF_8);
            return new Outcome(process.exitValue(), text.strip());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while runc ran");
        } finally {
            Files.deleteIfExists(said);
        }
    }
}
