package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** A snapshot is there or it is not, whenever the power goes off. */
class SnapshotCrashTest {
    private static final int CLUSTER = 32768;

    static LongStream seeds() {
        return Seeds.of(20).limit(20);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void creatingASnapshotIsOneStep(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            byte[] content = TestBytes.random(random, 3 * CLUSTER);
            boolean done = false;
            for (long step = 1; !done; step++) {
                SimulatedDisk disk = imageWith(content);
                disk.faults().powerOffAt(disk.faults().operations() + step);
                try {
                    new SnapshotOperations(() -> new UUID(random.nextLong(), random.nextLong()))
                            .create(ChainFiles.in(disk));
                    done = true;
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("no power");
                }
                for (int i = 0; i < 5; i++) {
                    SimulatedDisk after = disk.crash(i == 0 ? CrashPlan.dropAll() : CrashPlan.random(random));
                    ChainFiles files = ChainFiles.in(after);
                    assertThat(files.links()).hasSizeBetween(done ? 2 : 1, 2);
                    assertThat(ChainCheck.run(files).damaged()).isFalse();
                    try (ChainDisk chain = ChainDisk.open(files, OpenIntent.WRITE)) {
                        assertThat(chain.read(0, content.length)).isEqualTo(content);
                    }
                    new SnapshotOperations(UUID::randomUUID).create(files);
                    assertThat(ChainFiles.in(after).links())
                            .hasSize(files.links().size() + 1);
                }
            }
        });
    }

    private static SimulatedDisk imageWith(byte[] content) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles files = ChainFiles.create(disk, "root.hdd", 64L * CLUSTER, CLUSTER);
        try (ChainDisk chain = ChainDisk.open(files, OpenIntent.WRITE)) {
            chain.write(0, content);
        }
        return disk.crash(new Random(1));
    }
}
