package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.testing.Commands;

/**
 * A PostgreSQL server on a mounted device, under pgbench, with a witness: rows numbered one by one, each committed before the
 * next, so that whatever was acknowledged can be demanded back.
 */
final class PostgresLoad implements AutoCloseable {
    /** For {@code @Requires}; of the package that brings the server. */
    static final String SERVER = "pg_ctlcluster";

    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final String USER = "postgres";
    private static final String SCALE = "2";
    private static final String CLIENTS = "2";

    private final Path programs;
    private final Path data;
    private final Path socket;
    private final Path output;
    private @Nullable Process bench;
    private @Nullable Process witness;
    private final Thread witnessing = new Thread(this::witness, "witness");
    private volatile boolean stop;
    private volatile long acknowledged;
    private volatile long begunNanos = System.nanoTime();
    private volatile long slowestNanos;
    private volatile @Nullable Exception failure;

    private PostgresLoad(Path programs, Path mount, Path folder) {
        this.programs = programs;
        this.data = mount.resolve("data");
        this.socket = folder;
        this.output = folder.resolve("postgres.out");
    }

    /** Makes a cluster on {@code mount} and loads it; its socket and its output lie in {@code folder}. */
    static PostgresLoad start(Path mount, Path folder) throws IOException, InterruptedException {
        PostgresLoad load = new PostgresLoad(newestPrograms(), mount, folder);
        Commands.run(LIMIT, "chown", USER, mount.toString(), folder.toString());
        load.asServer("initdb", "-D", load.data.toString(), "-A", "trust", "--no-instructions");
        load.startServer();
        load.asServer("pgbench", "-h", folder.toString(), "-i", "-q", "-s", SCALE, "postgres");
        load.sql("create table witness (number bigint primary key)");
        load.sql("create extension amcheck");
        load.bench = Commands.start(
                folder.resolve("pgbench.out"),
                load.line("pgbench", "-h", folder.toString(), "-n", "-c", CLIENTS, "-T", "3600", "postgres"));
        load.witnessing.setDaemon(true);
        load.witnessing.start();
        return load;
    }

    private static Path newestPrograms() throws IOException {
        List<Path> versions = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/usr/lib/postgresql"))) {
            all.forEach(versions::add);
        }
        return versions.stream().max(Path::compareTo).orElseThrow().resolve("bin");
    }

    private String[] line(String program, String... arguments) {
        List<String> line = new ArrayList<>(
                List.of("runuser", "-u", USER, "--", programs.resolve(program).toString()));
        line.addAll(List.of(arguments));
        return line.toArray(String[]::new);
    }

    private String asServer(String program, String... arguments) throws IOException, InterruptedException {
        return Commands.run(LIMIT, line(program, arguments));
    }

    private void startServer() throws IOException, InterruptedException {
        String options = "-k " + socket + " -c listen_addresses='' -c checkpoint_timeout=30s -c shared_buffers=16MB";
        asServer("pg_ctl", "-D", data.toString(), "-w", "-l", output.toString(), "-o", options, "start");
    }

    private String sql(String statement) throws IOException, InterruptedException {
        return asServer("psql", "-h", socket.toString(), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement, "postgres")
                .strip();
    }

    private void witness() {
        try {
            Process process = new ProcessBuilder(line("psql", "-h", socket.toString(), "-qAtX", "postgres"))
                    .redirectError(output.resolveSibling("witness.err").toFile())
                    .start();
            witness = process;
            try (OutputStream in = process.getOutputStream();
                    BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
                for (long number = 1; !stop; number++) {
                    begunNanos = System.nanoTime();
                    in.write(("insert into witness values (" + number + ") returning number;\n")
                            .getBytes(StandardCharsets.UTF_8));
                    in.flush();
                    String answer = out.readLine();
                    if (!Long.toString(number).equals(answer)) {
                        throw new IOException("row " + number + " was answered with " + answer);
                    }
                    acknowledged = number;
                    slowestNanos = Math.max(slowestNanos, System.nanoTime() - begunNanos);
                }
            }
        } catch (IOException e) {
            failure = stop ? null : e;
        }
    }

    /** The highest row that the server said is committed. */
    long acknowledged() {
        return acknowledged;
    }

    /** The longest commit since the last call, in milliseconds. */
    long takeSlowestMillis() {
        long slowest = Math.max(slowestNanos, System.nanoTime() - begunNanos);
        slowestNanos = 0;
        return slowest / 1_000_000;
    }

    void requireHealthy() throws IOException {
        Exception thrown = failure;
        if (thrown != null) {
            throw new AssertionError("PostgreSQL saw an error: " + thrown.getMessage() + "\n" + log(), thrown);
        }
        Process running = bench;
        if (running != null && !running.isAlive()) {
            throw new AssertionError("pgbench ended: " + Files.readString(output.resolveSibling("pgbench.out")));
        }
    }

    private String log() throws IOException {
        String text = Files.exists(output) ? Files.readString(output) : "";
        return text.substring(Math.max(0, text.length() - 3000));
    }

    /** Ends the load and demands that nothing is missing: rows, sums, every index; and that the server never restarted. */
    void stopAndProve() throws IOException, InterruptedException {
        stop = true;
        witnessing.join(TimeUnit.SECONDS.toMillis(LIMIT.toSeconds()));
        assertThat(witnessing.isAlive()).as("a commit hangs").isFalse();
        requireHealthy();
        stopBench();
        assertThat(Files.readString(output))
                .doesNotContain("PANIC")
                .doesNotContain("Input/output error")
                .doesNotContain("automatic recovery in progress");
        prove();
        asServer("pg_ctl", "-D", data.toString(), "-w", "-m", "immediate", "stop");
        // What a power loss would leave: the log of the database is replayed.
        startServer();
        prove();
        asServer("pg_ctl", "-D", data.toString(), "-w", "-m", "fast", "stop");
    }

    private void prove() throws IOException, InterruptedException {
        assertThat(sql("select count(*) || ' ' || max(number) from witness"))
                .isEqualTo(acknowledged + " " + acknowledged);
        assertThat(sql("select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from"
                        + " pgbench_branches) and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from"
                        + " pgbench_history) and (select sum(bbalance) from pgbench_branches) = (select sum(delta) from"
                        + " pgbench_history)"))
                .isEqualTo("t");
        asServer("pg_amcheck", "-h", socket.toString(), "--heapallindexed", "--parent-check", "postgres");
    }

    private void stopBench() throws InterruptedException {
        Process running = bench;
        if (running != null) {
            bench = null;
            running.descendants().forEach(ProcessHandle::destroy);
            running.destroy();
            running.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        stop = true;
        try {
            stopBench();
            Process psql = witness;
            if (psql != null) {
                psql.destroyForcibly();
            }
            Commands.tryRun(LIMIT, line("pg_ctl", "-D", data.toString(), "-m", "immediate", "stop"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
