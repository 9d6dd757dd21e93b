package org.tidemark.appliance.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** The demonstration's proof tells a good copy from a bad one: a copy made backwards without a freeze must fail it. */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(150)
class DemoProofControlIT {
    private static final int DISK_MEBIBYTES = 512;
    private static final int PIECE_MEBIBYTES = 16;
    private static final long PAUSE_NANOS = 90_000_000;
    private static final long SETTLE_ENTRIES = 200;
    private static final int RUNS = 3;

    private Cli cli;
    private Path mount;
    private Path log;
    private Process load;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("proof-");
        mount = Files.createDirectory(cli.path("mnt"));
        log = cli.path("load.log");
    }

    @AfterEach
    void stop() throws IOException {
        if (load != null) {
            load.destroyForcibly();
        }
        cli.close();
    }

    /** A container under the load of the demonstration; its block device. */
    private String loaded() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", DISK_MEBIBYTES + "M", "--no-partition", "--fs", "ext4");
        String block = cli.attach(image, "--name", "d", "--mount", mount.toString());
        cli.protect("c", image, cli.path("target"));
        Path inside = Files.createDirectory(mount.resolve("load"));
        List<String> line = new ArrayList<>(Cli.command("demo-load"));
        line.addAll(List.of(inside.toString(), log.toString(), cli.path("stop").toString()));
        load = cli.begin(line).process();
        awaitMore(SETTLE_ENTRIES);
        return block;
    }

    private void awaitMore(long entries) throws Exception {
        long before = Files.exists(log) ? lines() : 0;
        Cli.await("the load writes", () -> Files.exists(log) && lines() > before + entries);
        assertThat(load.isAlive()).isTrue();
    }

    private long lines() throws IOException {
        try (var all = Files.lines(log)) {
            return all.count();
        }
    }

    private void endLoad() throws Exception {
        Files.writeString(cli.path("stop"), "");
        assertThat(load.waitFor(Cli.LIMIT.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
        assertThat(load.exitValue()).isZero();
    }

    @Test
    void aCopyMadeBackwardsFailsIt() throws Exception {
        String block = loaded();
        List<Path> copies = new ArrayList<>();
        List<long[]> spans = new ArrayList<>();
        for (int run = 0; run < RUNS; run++) {
            Path copy = cli.path("copy-" + run);
            long begun = System.nanoTime();
            copyBackwards(block, copy);
            spans.add(new long[] {begun, System.nanoTime()});
            copies.add(copy);
        }
        endLoad();
        for (int run = 0; run < RUNS; run++) {
            List<String> faults = faults(copies.get(run), spans.get(run)[0], spans.get(run)[1]);
            System.out.println("copy " + run + ": " + faults.size() + " faults, first: "
                    + faults.stream().findFirst().orElse("none"));
            assertThat(faults).as("a copy made backwards passed the proof").isNotEmpty();
        }
    }

    private static void copyBackwards(String block, Path copy) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(copy.toFile(), "rw")) {
            file.setLength((long) DISK_MEBIBYTES << 20);
        }
        for (int at = DISK_MEBIBYTES - PIECE_MEBIBYTES; at >= 0; at -= PIECE_MEBIBYTES) {
            Commands.run(
                    Cli.LIMIT,
                    "dd",
                    "if=" + block,
                    "of=" + copy,
                    "bs=1M",
                    "skip=" + at,
                    "seek=" + at,
                    "count=" + PIECE_MEBIBYTES,
                    "iflag=direct",
                    "conv=notrunc,sparse",
                    "status=none");
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** What is wrong with a copy: its file system, once its journal is replayed, and what the load wrote into it. */
    private List<String> faults(Path copy, long freezeBegun, long thawed) throws Exception {
        String block = cli.attach(copy, "--name", "copy");
        List<String> faults = new ArrayList<>();
        try {
            Path root = Files.createDirectories(cli.path("root"));
            Commands.Result mounted = Commands.tryRun(Cli.LIMIT, "mount", "-t", "ext4", block, root.toString());
            if (mounted.exitCode() != 0) {
                faults.add("does not mount: " + mounted.output().strip());
                return faults;
            }
            faults.addAll(LoadProof.check(root.resolve("load"), log, freezeBegun, thawed)
                    .violations());
            Commands.run(Cli.LIMIT, "umount", root.toString());
            Commands.Result fsck = Commands.tryRun(Cli.LIMIT, "e2fsck", "-fn", block);
            if (fsck.exitCode() != 0) {
                faults.add("e2fsck: " + fsck.output().strip());
            }
            return faults;
        } finally {
            cli.ok("detach", "copy");
        }
    }

    @Test
    void aBackupPassesIt() throws Exception {
        loaded();
        for (int run = 0; run < 2; run++) {
            long begun = System.nanoTime();
            assertThat(cli.ok("backup", "c", "--json").json()).containsEntry("grade", "filesystem");
            long ended = System.nanoTime();
            awaitMore(SETTLE_ENTRIES);
            Path restored = cli.path("restored-" + run);
            cli.ok("restore", "c", "--to", restored.toString());
            assertThat(faults(restored, begun, ended)).isEmpty();
            Commands.run(Cli.LIMIT, "rm", "-r", restored.toString());
        }
        endLoad();
        cli.ok("detach", "d");
    }
}
