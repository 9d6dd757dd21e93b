package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/**
 * The power of a whole machine is cut while a container writes to an image: real kernel, real file systems, the product as it
 * is. Afterwards the image has at worst leaked clusters, it attaches by itself, the file system in it is sound, and everything
 * that was synced is there. {@code -DpowerLosses=N} for more than the usual few.
 */
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "python3", "mkfs.ext4"})
@Timeout(7200)
class PowerLossIT {
    private static final int BLOCKS = 512;
    private static final int BLOCK_BYTES = 4096;

    private final long[] synced = new long[BLOCKS];
    private Cli cli;
    private MachineDisk disk;
    private int lostUnsynced;

    @BeforeEach
    void prepare() throws Exception {
        cli = Cli.start("power-");
        disk = new MachineDisk(cli, 1L << 30);
        disk.mounted(image ->
                cli.ok("image", "create", image.toString(), "--size", "256M", "--cluster", "64K", "--fs", "ext4"));
    }

    @AfterEach
    void clear() throws IOException {
        cli.close();
    }

    @Test
    void whatWasSyncedIsThereAfterThePowerWasCut() throws Exception {
        int cuts = Integer.getInteger("powerLosses", 2);
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("replay with -Dseed=" + seed);
        Random random = new Random(seed);
        long acknowledged = 0;
        for (int cut = 1; cut <= cuts; cut++) {
            try (UserModeMachine machine =
                    new UserModeMachine("tidemark-test-power", disk.file(), random.nextInt(1 << 30))) {
                machine.await("READY");
                machine.await("SYNCED");
                TimeUnit.MILLISECONDS.sleep(100 + random.nextInt(4000));
                acknowledged += note(machine.cutPower());
            }
            disk.mounted(this::check);
        }
        System.out.println(cuts + " cuts, " + acknowledged + " acknowledged syncs, what was not synced was gone "
                + lostUnsynced + " times");
        assertThat(acknowledged).isGreaterThan(cuts);
        assertThat(lostUnsynced)
                .as("a power that is cut takes what was not synced")
                .isPositive();
    }

    /** What the machine says was synced before its power went. */
    private int note(List<String> said) {
        int syncs = 0;
        for (String line : said) {
            if (!line.matches("SYNCED( [0-9]+:[0-9]+)+")) {
                continue;
            }
            for (String one : line.substring("SYNCED ".length()).split(" ")) {
                String[] words = one.split(":");
                int block = Integer.parseInt(words[0]);
                synced[block] = Math.max(synced[block], Long.parseLong(words[1]));
            }
            syncs++;
        }
        return syncs;
    }

    private void check(Path image) throws Exception {
        Cli.Result found = cli.run("image", "check", image.toString(), "--json");
        System.out.println("check: " + found.out().replace('\n', ' '));
        assertThat(found.exitCode()).as(found.out() + found.err()).isZero();
        Path root = Files.createDirectories(cli.path("root"));
        String device = cli.attach(image, "--mount", root.toString());
        checkBlocks(root.resolve("blocks"));
        if (!Files.exists(root.resolve("unsynced")) || Files.size(root.resolve("unsynced")) == 0) {
            lostUnsynced++;
        }
        Commands.run(Cli.LIMIT, "umount", root.toString());
        Commands.run(Cli.LIMIT, "e2fsck", "-fn", device);
        cli.ok("detach", image.toString());
    }

    private void checkBlocks(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        ByteBuffer words = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        for (int block = 0; block < BLOCKS; block++) {
            int at = block * BLOCK_BYTES;
            if (at + BLOCK_BYTES > content.length) {
                assertThat(synced[block])
                        .as("block " + block + " is beyond the end")
                        .isZero();
                continue;
            }
            long version = words.getLong(at + 8);
            assertThat(version).as("block " + block).isGreaterThanOrEqualTo(synced[block]);
            for (int i = 0; i < BLOCK_BYTES && version > 0; i += 16) {
                assertThat(words.getLong(at + i))
                        .as("block " + block + " at " + i)
                        .isEqualTo(block);
            }
            synced[block] = version;
        }
    }
}
