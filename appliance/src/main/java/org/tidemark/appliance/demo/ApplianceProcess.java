package org.tidemark.appliance.demo;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.PackagedAppliance;
import org.tidemark.ploop.server.ServerCommand;

/**
 * The packaged appliance as a child process with folders of its own, for the demonstration and for tests. Listens on this host
 * only, on a port that is chosen at the first start and stays the same at the next ones. Everything it says goes to {@link
 * #log}. Not for several threads.
 */
public final class ApplianceProcess implements AutoCloseable {
    /** Names the folder that holds {@code quarkus-app} and {@code lib}; else it is looked for around this class. */
    public static final String HOME = "tidemark.home";

    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final Duration END_LIMIT = Duration.ofSeconds(40);
    private static final long LOOK_EVERY_NANOS = 20_000_000;
    /** Property with arguments for the JVM of every appliance that this process starts. */
    private static final String JVM = "tidemark.appliance.jvm";

    private static final String LISTENING = "tidemark: listening on ";
    private static final String SET_UP = "tidemark: set up at ";

    private final Path state;
    private final Path run;
    private final Path log;
    private final List<String> arguments = new ArrayList<>();
    private final List<String> jvmArguments = new ArrayList<>();
    private final Map<String, String> environment = new TreeMap<>();
    private String listen = "127.0.0.1:0";
    private String tls = "off";
    private @Nullable Process process;
    private long logBegin;

    private ApplianceProcess(Path state, Path run, Path log) {
        this.state = state;
        this.run = run;
        this.log = log;
    }

    /** An appliance that is not started yet, with {@code state}, {@code run} and {@code appliance.log} in this folder. */
    public static ApplianceProcess in(Path folder) {
        return of(folder.resolve("state"), folder.resolve("run"), folder.resolve("appliance.log"));
    }

    public static ApplianceProcess of(Path state, Path run, Path log) {
        return new ApplianceProcess(state, run, log);
    }

    /** More arguments of {@code tidemark serve}. */
    public ApplianceProcess with(String... more) {
        arguments.addAll(List.of(more));
        return this;
    }

    /** More arguments of the JVM, such as {@code -Xmx512m}. */
    public ApplianceProcess withJvm(String... more) {
        jvmArguments.addAll(List.of(more));
        return this;
    }

    public ApplianceProcess withEnvironment(String name, String value) {
        environment.put(name, value);
        return this;
    }

    /** {@code generated}, {@code files}, or {@code off}, which is usual here. */
    public ApplianceProcess withTls(String mode) {
        tls = mode;
        return this;
    }

    /** {@code HOST:PORT} instead of any port of this host. */
    public ApplianceProcess withListen(String address) {
        listen = address;
        return this;
    }

    /** Starts it and waits until it answers. */
    public ApplianceProcess start() throws IOException {
        launch();
        try {
            awaitListening();
        } catch (IOException e) {
            kill();
            throw e;
        }
        return this;
    }

    /** Starts it and does not wait. */
    public void launch() throws IOException {
        if (isRunning()) {
            throw new IllegalStateException("it runs already");
        }
        logBegin = Files.exists(log) ? Files.size(log) : 0;
        ProcessBuilder builder = new ProcessBuilder(command());
        builder.environment().keySet().removeIf(ApplianceProcess::isForOthers);
        builder.environment().putAll(environment);
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        process = builder.start();
    }

    /** What is set for the appliance of this user is not meant for one that tries something out. */
    private static boolean isForOthers(String variable) {
        return (variable.startsWith("TIDEMARK_") && !variable.equals(ServerCommand.MORE_OPTIONS))
                || variable.startsWith("QUARKUS_");
    }

    private List<String> command() throws IOException {
        PackagedAppliance packaged = packaged();
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                "--add-opens=java.base/java.lang=ALL-UNNAMED"));
        line.addAll(packaged.servers());
        line.addAll(words(System.getProperty(JVM, "")));
        line.addAll(jvmArguments);
        line.addAll(packaged.mainClass());
        // With '=' as the holder has it: whoever clears a folder finds all its processes by the same word.
        line.addAll(List.of("--listen=" + listen, "--tls=" + tls, "--state=" + state, "--run=" + run));
        line.addAll(arguments);
        return line;
    }

    private static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
    }

    private static PackagedAppliance packaged() throws IOException {
        String named = System.getProperty(HOME, "");
        if (!named.isEmpty()) {
            return new PackagedAppliance(Path.of(named));
        }
        return PackagedAppliance.of(ApplianceProcess.class)
                .orElseThrow(() -> new IOException(
                        "the appliance is not built; build it with mvn package, or name its folder with -D" + HOME));
    }

    /** Waits for the line that says where it listens. */
    public void awaitListening() throws IOException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (line(LISTENING).isEmpty()) {
            // Looked at in this order: what it said just before it ended must be seen.
            boolean running = isRunning();
            if (!running && line(LISTENING).isEmpty()) {
                throw new IOException("the appliance ended with " + demand().exitValue() + ": " + said());
            }
            if (System.nanoTime() - end > 0) {
                throw new IOException("the appliance did not listen within " + LIMIT.toSeconds() + " s: " + said());
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
        int colon = listen.lastIndexOf(':');
        listen = listen.substring(0, colon + 1) + URI.create(url()).getPort();
    }

    /** Waits for its end; its exit code. */
    public int awaitEnd() throws IOException {
        try {
            if (!demand().waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new IOException("the appliance did not end within " + LIMIT.toSeconds() + " s: " + said());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the appliance was to end", e);
        }
        return demand().exitValue();
    }

    private Process demand() {
        Process running = process;
        if (running == null) {
            throw new IllegalStateException("it was never started");
        }
        return running;
    }

    public boolean isRunning() {
        return process != null && process.isAlive();
    }

    /** Where it listens, without a slash at the end. */
    public String url() throws IOException {
        return line(LISTENING).orElseThrow(() -> new IOException("the appliance does not listen yet"));
    }

    /** The link of the first start; empty when there is a user. */
    public Optional<String> setupLink() throws IOException {
        return line(SET_UP);
    }

    /** The code in that link. */
    public Optional<String> setupCode() throws IOException {
        return setupLink().map(link -> link.substring(link.indexOf("code=") + "code=".length()));
    }

    /** A token for everything; good until the next start. */
    public String localToken() throws IOException {
        return String.valueOf(localAccess().get("token"));
    }

    /** Fingerprint of its certificate; empty without TLS. */
    public String certificateSha256() throws IOException {
        Object found = localAccess().get("certificateSha256");
        return found == null ? "" : found.toString();
    }

    private Map<String, Object> localAccess() throws IOException {
        return JSON.std.mapFrom(Files.readString(state.resolve("local-access.json")));
    }

    public long pid() {
        return demand().pid();
    }

    public Path state() {
        return state;
    }

    public Path run() {
        return run;
    }

    public Path log() {
        return log;
    }

    /** What it said since its last start. */
    public String said() throws IOException {
        try (FileChannel channel = FileChannel.open(log)) {
            channel.position(logBegin);
            return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    private Optional<String> line(String begin) throws IOException {
        String said = said();
        // The last line may be half written.
        return said.substring(0, said.lastIndexOf('\n') + 1)
                .lines()
                .filter(line -> line.startsWith(begin))
                .map(line -> line.substring(begin.length()).strip())
                .findFirst();
    }

    /** Ends it at once, as a crash would (SIGKILL). What it started goes on. */
    public void kill() throws IOException {
        if (process != null) {
            process.destroyForcibly();
            awaitEnd();
        }
    }

    /** Asks it to end (SIGTERM) and waits; its exit code. */
    public int stop() throws IOException {
        demand().destroy();
        try {
            if (!demand().waitFor(END_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new IOException("the appliance did not stop within " + END_LIMIT.toSeconds() + " s: " + said());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the appliance was to stop", e);
        }
        return demand().exitValue();
    }

    /** Stops it in an orderly way, if it runs, and starts it again on the same port. */
    public ApplianceProcess restart() throws IOException {
        if (isRunning()) {
            stop();
        }
        return start();
    }

    /** Kills it, and the holder and device server that it started. The folders stay. */
    @Override
    public void close() throws IOException {
        kill();
        String ours = "--run=" + run;
        // The holder goes first, or it would start the server again.
        for (String role : List.of("Holder", "")) {
            ProcessHandle.allProcesses()
                    .filter(other -> isOurs(other, ours, role))
                    .forEach(ProcessHandle::destroyForcibly);
        }
    }

    private static boolean isOurs(ProcessHandle other, String argument, String role) {
        if (other.pid() == ProcessHandle.current().pid()) {
            return false;
        }
        try {
            byte[] line = Files.readAllBytes(Path.of("/proc", String.valueOf(other.pid()), "cmdline"));
            List<String> words = List.of(new String(line, StandardCharsets.ISO_8859_1).split("\0", -1));
            return words.contains(argument) && words.stream().anyMatch(word -> word.contains(role));
        } catch (IOException e) {
            return false;
        }
    }
}
