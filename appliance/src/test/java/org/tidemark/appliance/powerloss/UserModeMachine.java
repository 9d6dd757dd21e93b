package org.tidemark.appliance.powerloss;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;

/**
 * A machine with a kernel of its own (user-mode Linux) whose power can be cut: what its kernel had not written to the disk is
 * gone. It sees the host's files, read-only, and has one disk.
 */
final class UserModeMachine implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final Path MODULES = Path.of("/usr/lib/uml/modules");

    /**
     * Its kernel gives a processor's state back in the size it knew; newer processors have more, and the host refuses. The
     * shim fills up what is missing.
     */
    private static final String SHIM = """
            #define _GNU_SOURCE
            #include <stdarg.h>
            #include <string.h>
            #include <sys/ptrace.h>
            #include <sys/syscall.h>
            #include <sys/uio.h>
            #include <unistd.h>
            #define XSTATE 0x202
            long ptrace(enum __ptrace_request request, ...) {
                va_list more;
                va_start(more, request);
                long pid = va_arg(more, long), address = va_arg(more, long), data = va_arg(more, long);
                va_end(more);
                if (request == PTRACE_SETREGSET && address == XSTATE) {
                    static __thread char whole[32768];
                    struct iovec *given = (void *) data, all = {whole, sizeof whole};
                    if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, XSTATE, &all) == 0 && all.iov_len > given->iov_len) {
                        memcpy(whole, given->iov_base, given->iov_len);
                        return syscall(SYS_ptrace, request, pid, XSTATE, &all);
                    }
                }
                if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) {
                    long word, result = syscall(SYS_ptrace, request, pid, address, &word);
                    return result < 0 ? result : word;
                }
                return syscall(SYS_ptrace, request, pid, address, data);
            }
            """;

    private final String id;
    private final Process process;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    /** Boots it. Its {@code name} tells it from others. */
    UserModeMachine(String name, Path disk, long seed) throws IOException, InterruptedException {
        this(name, disk, seed, "guest.sh");
    }

    /** One whose first process is another script. */
    UserModeMachine(String name, Path disk, long seed, String first) throws IOException, InterruptedException {
        this(name, disk, seed, first, "mem=700M");
    }

    /** With so much memory, as its kernel is told. */
    UserModeMachine(String name, Path disk, long seed, String first, String memory)
            throws IOException, InterruptedException {
        this(name, List.of(), List.of(memory, "ubd0=" + disk, "SEED=" + seed), first);
    }

    /**
     * One without a disk, in the network of an NFS server: it has 10.231.0.2, the server 10.231.0.1.
     *
     * @param more what else its first process is told, each as NAME=VALUE
     */
    static UserModeMachine beside(NfsServerProcess server, String name, String first, String... more)
            throws IOException, InterruptedException {
        server.addTap("tap0", "10.231.0.1/30");
        List<String> arguments = new ArrayList<>(
                List.of("mem=700M", "eth0=tuntap,tap0", "SERVER=10.231.0.1", "EXPORT=" + server.export(), "SEED=1"));
        arguments.addAll(List.of(more));
        return new UserModeMachine(name, server.inItsNetwork(), arguments, first);
    }

    private UserModeMachine(String name, List<String> inFront, List<String> arguments, String first)
            throws IOException, InterruptedException {
        this.id = name;
        kill(id);
        Cli.shareClassData();
        // Not in /dev, /run, /mnt or /tmp: the machine has those for itself.
        Path folder =
                Files.createDirectories(Path.of("target", "user-mode-machine")).toRealPath();
        Path script = folder.resolve(first);
        try (InputStream in = Objects.requireNonNull(UserModeMachine.class.getResourceAsStream(first))) {
            Files.write(script, in.readAllBytes());
        }
        Commands.run(LIMIT, "chmod", "755", script.toString());
        Path modules = folder.resolve("modules");
        if (!Files.exists(modules)) {
            Files.createDirectories(modules.resolve("lib"));
            Files.createSymbolicLink(modules.resolve("lib/modules"), MODULES);
        }
        List<String> line = new ArrayList<>(inFront);
        line.addAll(List.of(
                "linux.uml",
                "root=/dev/root",
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                "umid=" + id,
                "init=" + script,
                "con=null",
                "con0=fd:0,fd:1",
                "quiet",
                "TIDEMARK_HOME=" + Path.of("..").toRealPath(),
                "MODULES=" + modules));
        line.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("LD_PRELOAD", shim(folder).toString());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        this.process = builder.redirectErrorStream(true).start();
        Thread reader = new Thread(this::readLines, "console");
        reader.setDaemon(true);
        reader.start();
    }

    private static Path shim(Path folder) throws IOException, InterruptedException {
        Path library = folder.resolve("shim.so");
        if (!Files.exists(library)) {
            Path source = folder.resolve("shim.c");
            Files.writeString(source, SHIM);
            Commands.run(LIMIT, "gcc", "-O2", "-shared", "-fPIC", "-o", library.toString(), source.toString());
        }
        return library;
    }

    private void readLines() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line.strip());
            }
        } catch (IOException e) {
            // The power is off.
        }
    }

    /** Waits for a line that begins so; fails with everything that was said when it does not come. */
    void await(String beginning) throws InterruptedException {
        sayings(beginning);
    }

    /** The same; what was said until then. */
    List<String> sayings(String beginning) throws InterruptedException {
        return sayings(beginning, LIMIT);
    }

    /** The same, with another limit. */
    List<String> sayings(String beginning, Duration limit) throws InterruptedException {
        List<String> said = new ArrayList<>();
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            String line = lines.poll(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (line == null || line.equals("FAILED")) {
                throw new AssertionError("the machine did not say " + beginning + ":\n" + String.join("\n", said));
            }
            if (line.startsWith(beginning)) {
                return said;
            }
            said.add(line);
        }
    }

    /** Cuts the power. Returns the whole lines that it said since the last one that was awaited. */
    List<String> cutPower() throws IOException, InterruptedException {
        kill(id);
        if (!process.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the machine does not end");
        }
        // The last line may be cut off; what it says was said after the sync all the same, but cannot be read.
        TimeUnit.MILLISECONDS.sleep(100);
        List<String> said = new ArrayList<>();
        lines.drainTo(said);
        return said;
    }

    /** Every process of it: the kernel is one, and each process in it has one here. */
    private static void kill(String id) throws IOException, InterruptedException {
        Commands.tryRun(LIMIT, "pkill", "-KILL", "-f", "umid=" + id + " ");
    }

    @Override
    public void close() throws IOException, InterruptedException {
        kill(id);
        process.destroyForcibly();
    }
}
