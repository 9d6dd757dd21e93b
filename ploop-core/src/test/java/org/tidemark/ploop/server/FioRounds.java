package org.tidemark.ploop.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.testing.Commands;

/** Runs fio again and again on a block device, each round writing, syncing and verifying everything, until it is stopped. */
public final class FioRounds implements AutoCloseable {
    private static final long ROUND_LIMIT_SECONDS = 60;

    private final List<String> command;
    private final Path output;
    private final Thread thread = new Thread(this::run, "fio-rounds");
    private volatile boolean stop;
    private volatile int rounds;
    private volatile @Nullable Throwable failure;
    private volatile @Nullable Process process;

    public FioRounds(Path output, String block, String... more) {
        this.output = output;
        this.command = new ArrayList<>(List.of(
                "fio",
                "--name=verify",
                "--filename=" + block,
                "--rw=randwrite",
                "--bs=4k",
                "--direct=1",
                "--ioengine=libaio",
                "--iodepth=16",
                "--fsync=32",
                "--verify=crc32c",
                "--verify_fatal=1",
                "--verify_state_save=0"));
        command.addAll(Arrays.asList(more));
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        try {
            while (!stop) {
                List<String> round = new ArrayList<>(command);
                round.add("--randseed=" + (rounds + 1));
                Process started = Commands.start(output, round.toArray(String[]::new));
                process = started;
                if (!started.waitFor(ROUND_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                    throw new AssertionError("fio hangs");
                }
                if (started.exitValue() != 0) {
                    throw new AssertionError(
                            "fio ended with " + started.exitValue() + ":\n" + Files.readString(output));
                }
                rounds++;
            }
        } catch (Exception | AssertionError e) {
            failure = e;
        }
    }

    public void requireHealthy() {
        Throwable thrown = failure;
        if (thrown != null) {
            throw new AssertionError("fio saw an error: " + thrown.getMessage(), thrown);
        }
    }

    /** Ends after the round under way; how many rounds there were. */
    public int stop() throws InterruptedException {
        stop = true;
        thread.join(TimeUnit.SECONDS.toMillis(ROUND_LIMIT_SECONDS + 5));
        requireHealthy();
        return rounds;
    }

    @Override
    public void close() {
        stop = true;
        Process running = process;
        if (running != null) {
            running.destroyForcibly();
        }
    }
}
