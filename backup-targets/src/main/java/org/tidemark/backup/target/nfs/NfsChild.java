package org.tidemark.backup.target.nfs;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.ploop.os.JavaCommand;

/** A running {@link NfsTargetProcess}, as its parent has it. Safe for many threads. */
final class NfsChild implements Closeable {
    private static final Duration START = Duration.ofSeconds(30);
    private static final int SIGNAL = 128;

    private final Process process;
    private final Path folder;
    private final ConcurrentLinkedQueue<NfsWire> idle = new ConcurrentLinkedQueue<>();
    private final Set<NfsWire> wires = ConcurrentHashMap.newKeySet();
    private final Duration silence;
    private volatile boolean killed;

    private NfsChild(Process process, Path folder, Duration silence) {
        this.process = process;
        this.folder = folder;
        this.silence = silence;
    }

    /**
     * Starts one.
     *
     * @param silence how long it may say nothing while it is waited for, before it is killed
     */
    static NfsChild start(JavaCommand java, Duration silence) throws TargetException {
        Path made = null;
        try {
            Path folder = Files.createTempDirectory("tidemark-nfs-");
            made = folder;
            List<String> line = java.line(
                    List.of(
                            "-Xmx96m",
                            "-XX:+ExitOnOutOfMemoryError",
                            "-Xss512k",
                            "-XX:MaxDirectMemorySize=112m",
                            "-XX:TieredStopAtLevel=1",
                            "-XX:-CreateCoredumpOnCrash",
                            "-XX:ErrorFile=" + folder.resolve("crash.log")),
                    NfsTargetProcess.class.getName());
            line.add(folder.resolve("socket").toString());
            Process process = new ProcessBuilder(line)
                    .directory(Path.of("/").toFile())
                    .redirectError(folder.resolve("err").toFile())
                    .start();
            NfsChild child = new NfsChild(process, folder, silence);
            try {
                child.awaitReady();
            } catch (IOException e) {
                child.close();
                throw e;
            }
            Thread watch = new Thread(child::watch, "nfs-watch");
            watch.setDaemon(true);
            watch.start();
            return child;
        } catch (IOException e) {
            remove(made);
            throw new TargetException(Kind.RETRYABLE, "the NFS client process does not start: " + e.getMessage(), e);
        }
    }

    private void awaitReady() throws IOException {
        CompletableFuture<@Nullable String> said = new CompletableFuture<>();
        Thread reader = new Thread(
                () -> {
                    try (BufferedReader out = new BufferedReader(
                            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                        said.complete(out.readLine());
                        while (out.readLine() != null) {
                            // It says nothing more, and must never have to wait for a reader.
                        }
                    } catch (IOException e) {
                        said.completeExceptionally(e);
                    }
                },
                "nfs-out");
        reader.setDaemon(true);
        reader.start();
        try {
            String line = said.get(START.toMillis(), TimeUnit.MILLISECONDS);
            if (!NfsTargetProcess.READY.equals(line)) {
                throw new IOException(line == null ? ending() : line);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("it said nothing within " + START.toSeconds() + " s", e);
        }
    }

    /** Kills the child when it says nothing for too long: native code may hang, too. */
    private void watch() {
        while (process.isAlive()) {
            for (NfsWire wire : wires) {
                if (wire.waitingNanos() > silence.toNanos()) {
                    killed = true;
                    process.destroyForcibly();
                }
            }
            try {
                process.waitFor(500, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    /** A connection, to be given back or closed. */
    NfsWire connect() throws IOException {
        NfsWire known = idle.poll();
        if (known != null) {
            return known;
        }
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(folder.resolve("socket")));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        NfsWire wire = new NfsWire(channel);
        wires.add(wire);
        return wire;
    }

    /** Takes back a connection on which a call has ended in order. */
    void giveBack(NfsWire wire) {
        idle.add(wire);
    }

    /** A connection that is of no use any more. */
    void drop(NfsWire wire) {
        wires.remove(wire);
        wire.close();
    }

    /** How it ended, in words; waits a little for a child that is ending. */
    String ending() {
        try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                return "it is still running";
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
        int code = process.exitValue();
        if (killed) {
            return "it said nothing for " + silence.toSeconds() + " s and was ended";
        }
        String said = lastWords();
        String how = code > SIGNAL ? "it was ended by signal " + (code - SIGNAL) : "it ended with code " + code;
        return said.isEmpty() ? how : how + ": " + said;
    }

    private String lastWords() {
        try {
            List<String> lines = new ArrayList<>(Files.readAllLines(folder.resolve("err")));
            lines.removeIf(String::isBlank);
            return lines.isEmpty() ? "" : lines.get(lines.size() - 1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Ends it. */
    @Override
    public void close() {
        wires.forEach(NfsWire::close);
        try {
            process.getOutputStream().close();
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        remove(folder);
    }

    private static void remove(@Nullable Path folder) {
        if (folder == null) {
            return;
        }
        for (String name : List.of("socket", "err", "crash.log", "")) {
            try {
                Files.deleteIfExists(folder.resolve(name));
            } catch (IOException e) {
                // A rest in the folder for temporary files.
            }
        }
    }
}
