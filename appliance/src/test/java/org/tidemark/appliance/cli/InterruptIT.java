package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * ^C of the command, and kill -9 of the appliance, at random moments of backups and restores: no half image, no half point, the
 * next increment is right; the command sees a job through that the next appliance takes up again.
 */
@Requires({"root", "fuse", "loop"})
@Timeout(240)
class InterruptIT {
    private static final int SIGINT = 2;
    /** When the signal comes before anything listens to it. */
    private static final int SHELL_INTERRUPTED = 130;

    private static final int ROUNDS = Integer.getInteger("rounds", 4);

    private Cli cli;
    private Path image;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("interrupt-");
        image = cli.path("image");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private static long seed() {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("interrupts with seed " + seed);
        return seed;
    }

    /** Whether ^C came before the command was done by itself. */
    private boolean interrupted(Random random, long longestMillis, String... command) throws Exception {
        Cli.Running running = begin(random, longestMillis, command);
        try {
            Processes.byPid(running.process().pid()).signal(SIGINT);
        } catch (NoSuchFileException e) {
            System.out.println("the command was done before the signal");
        }
        Cli.Result result = ended(running);
        if (result.exitCode() != 0 && result.exitCode() != SHELL_INTERRUPTED) {
            assertThat(result.err()).contains("is being cancelled");
        }
        return result.exitCode() != 0;
    }

    /** The command does not notice more than a pause. */
    private void applianceKilled(Random random, long longestMillis, String... command) throws Exception {
        Cli.Running running = begin(random, longestMillis, command);
        cli.appliance().kill();
        cli.appliance().start();
        Cli.Result result = ended(running);
        // Killed before the job was taken on, there is none to take up again.
        if (result.exitCode() != 0) {
            assertThat(result.exitCode()).as(result.err()).isEqualTo(7);
        }
    }

    private Cli.Running begin(Random random, long longestMillis, String... command) throws IOException {
        Cli.Running running = cli.begin(command);
        LockSupport.parkNanos((300 + random.nextLong(longestMillis)) * 1_000_000);
        return running;
    }

    private static Cli.Result ended(Cli.Running running) throws Exception {
        Cli.Result result = running.await();
        System.out.println("exit " + result.exitCode() + ": " + result.err().strip());
        assertThat(result.err()).doesNotContain("\tat ").doesNotContain("Exception");
        return result;
    }

    private int points() throws Exception {
        return cli.ok("points", "c", "--json").jsonRows().size();
    }

    @Test
    void backups() throws Exception {
        Seeds.replayable(getClass(), seed(), this::backups);
    }

    private void backups(Random random) throws Exception {
        cli.ok("image", "create", image.toString(), "--size", "512M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        cli.protect("c", image, cli.path("target"));
        Cli.random(block, 0, 200);
        int done = 0;
        int cut = 0;
        for (int round = 0; round < ROUNDS; round++) {
            boolean stopped = false;
            if (round % 3 == 2) {
                applianceKilled(random, 3_500, "backup", "c");
            } else {
                stopped = interrupted(random, 3_500, "backup", "c");
                cut += stopped ? 1 : 0;
            }
            int now = points();
            assertThat(now).isBetween(done, done + 1);
            if (!stopped && round % 3 != 2) {
                assertThat(now).isEqualTo(done + 1);
            }
            done = now;
            Cli.random(block, random.nextInt(400), 20);
        }
        System.out.println(cut + " of " + ROUNDS + " backups were cut short");
        Cli.await(
                "the views of killed backups are gone",
                () -> cli.run("backup", "c").exitCode() == 0);
        Cli.random(block, random.nextInt(400), 5);
        Cli.Result increment = cli.ok("backup", "c", "--json");
        assertThat(((Number) increment.json().get("chunksRead")).longValue()).isLessThanOrEqualTo(5 * 16 + 16);
        cli.ok("verify", "c");
        cli.ok("restore", "c", "--to", cli.path("restored").toString());
        String other = cli.attach(cli.path("restored"), "--name", "r");
        Commands.run(Cli.LIMIT, "cmp", block, other);
        cli.ok("detach", "r");
        cli.ok("detach", "d");
    }

    @Test
    void restores() throws Exception {
        Seeds.replayable(getClass(), seed(), this::restores);
    }

    private void restores(Random random) throws Exception {
        cli.ok("image", "create", image.toString(), "--size", "512M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        cli.protect("c", image, cli.path("target"));
        Cli.random(block, 0, 200);
        cli.ok("backup", "c");
        Path to = Files.createDirectory(cli.path("to"));
        Path restored = to.resolve("restored");
        for (int round = 0; round < ROUNDS; round++) {
            String[] restore = {"restore", "c", "--to", restored.toString()};
            if (round % 3 == 2) {
                applianceKilled(random, 3_000, restore);
            } else {
                interrupted(random, 3_000, restore);
            }
            if (Files.exists(restored)) {
                cli.ok("image", "check", restored.toString());
                Commands.run(Cli.LIMIT, "rm", "-r", restored.toString());
            }
            try (Stream<Path> left = Files.list(to)) {
                assertThat(left).isEmpty();
            }
        }
        cli.ok("restore", "c", "--to", restored.toString());
        try (Stream<Path> left = Files.list(to)) {
            assertThat(left).containsExactly(restored);
        }
        String other = cli.attach(restored, "--name", "r");
        Commands.run(Cli.LIMIT, "cmp", block, other);
        cli.ok("detach", "r");
        cli.ok("detach", "d");
    }
}
