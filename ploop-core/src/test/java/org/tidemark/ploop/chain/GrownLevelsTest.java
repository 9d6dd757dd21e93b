package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/** A snapshot from before the disk became larger is merged: its file grows, with clusters that give way to the table. */
class GrownLevelsTest {
    private static final int CLUSTER = 32 * 1024;
    /** A table of one cluster, and of two afterwards. */
    private static final long SMALL = 8000L * CLUSTER;

    private static final long LARGE = 9000L * CLUSTER;
    private static final int USED = 4 * CLUSTER;

    private static void write(SimulatedDisk disk, long offset, byte[] bytes) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.WRITE)) {
            chain.write(offset, bytes);
        }
    }

    private static SimulatedDisk image(byte[] first, byte[] last) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hds", SMALL, CLUSTER);
        write(disk, 0, first);
        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.in(disk));
        ImageGrowth.run(ChainFiles.in(disk), LARGE);
        byte[] changed = Arrays.copyOf(last, CLUSTER);
        write(disk, CLUSTER, changed);
        System.arraycopy(changed, 0, first, CLUSTER, CLUSTER);
        write(disk, LARGE - USED, last);
        return disk;
    }

    private static void requireContent(SimulatedDisk disk, byte[] first, byte[] last) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.READ)) {
            assertThat(Arrays.equals(chain.read(0, USED), first)).isTrue();
            assertThat(Arrays.equals(chain.read(LARGE - USED, USED), last)).isTrue();
        }
        assertThat(ChainCheck.run(ChainFiles.in(disk)).damaged()).isFalse();
    }

    /** The power goes at every change in turn, and the change is gone on with. */
    @Test
    void aCrashAnywhereLosesNothing() throws IOException {
        Random random = new Random(7);
        byte[] first = TestBytes.random(random, USED);
        byte[] last = TestBytes.random(random, USED);
        SimulatedDisk start = image(first, last);
        boolean done = false;
        for (int changes = 0; !done; changes++) {
            for (int life = 0; life < 2; life++) {
                SimulatedDisk disk = start.twin();
                MortalDirectory mortal = new MortalDirectory(new OrderCheckedDirectory(disk));
                mortal.killAfter(changes);
                try {
                    new SnapshotOperations(UUID::randomUUID).mergeAll(ChainFiles.in(mortal));
                    done = true;
                } catch (Killed e) {
                    // The power goes here.
                }
                SimulatedDisk after = disk.crash(random);
                requireContent(after, first, last);
                new SnapshotOperations(UUID::randomUUID).mergeAll(ChainFiles.in(after));
                requireContent(after, first, last);
                assertThat(ChainFiles.in(after).links()).hasSize(1);
            }
        }
    }
}
