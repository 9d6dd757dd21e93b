package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** Finds the device server of a run folder, or starts holder and device server. */
public final class ServerLauncher {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration START_LIMIT = Duration.ofSeconds(45);
    private static final long LOOK_EVERY_NANOS = 10_000_000;
    private static final int LAST_LINES = 5;

    private ServerLauncher() {}

    /** With the usual device server. */
    public static ControlClient ensureRunning(RunFolder run) throws IOException {
        return ensureRunning(run, ServerCommand.ofThisJava());
    }

    /** A connection to the running device server; it is started when there is none. Several callers at once are fine. */
    public static ControlClient ensureRunning(RunFolder run, ServerCommand command) throws IOException {
        try {
            return ControlClient.connect(run, CONNECT_LIMIT);
        } catch (ControlException e) {
            if (e.kind() != ControlException.Kind.DISCONNECTED) {
                throw e;
            }
        }
        boolean managed = ManagedService.manages(run);
        // When a holder runs already, this one sees it and ends; its device server is then about to come.
        Optional<Process> holder = managed ? Optional.empty() : Optional.of(command.startHolder(run));
        long end = System.nanoTime() + START_LIMIT.toNanos();
        while (true) {
            try {
                return ControlClient.connect(run, CONNECT_LIMIT);
            } catch (ControlException e) {
                boolean late = System.nanoTime() - end > 0;
                if (managed && late) {
                    throw new ControlException(
                            e.kind(),
                            "the data plane of " + run.path() + " is run by the service manager, and does not answer:"
                                    + " systemctl start tidemark-data-plane, or see its status",
                            e);
                }
                boolean failed = holder.isPresent()
                        && !holder.get().isAlive()
                        && holder.get().exitValue() != 0;
                // One that has just started on a busy host may listen before it can answer.
                boolean starts =
                        e.kind() == ControlException.Kind.DISCONNECTED || e.kind() == ControlException.Kind.TIME_OUT;
                if (!starts || failed || late) {
                    throw new ControlException(
                            e.kind(), "the device server did not start; its output ends:\n" + lastOutput(run), e);
                }
                LockSupport.parkNanos(LOOK_EVERY_NANOS);
            }
        }
    }

    private static String lastOutput(RunFolder run) throws IOException {
        StringBuilder text = new StringBuilder();
        for (String name : List.of("holder.out", "holder.log", "device-server.out", "device-server.log")) {
            Path file = run.logs().resolve(name);
            List<String> lines = Files.isReadable(file) ? Files.readAllLines(file) : List.of();
            for (String line : lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size())) {
                text.append(name).append(": ").append(line).append('\n');
            }
        }
        return text.toString();
    }
}
