package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** Invariants 1 and 2 of the format: after any crash nothing but leaked space and the mark is wrong. */
class ExpandedCrashTest {
    private static final int CLUSTER = 32768;
    private static final int DISK = 40 * CLUSTER;

    static LongStream seeds() {
        return Seeds.of(60);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aCrashLeavesAtWorstLeakedClusters(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            SimulatedDisk disk = new SimulatedDisk();
            ChainFiles.create(disk, "root.hdd", DISK, CLUSTER);
            DiskModel model = new DiskModel(DISK);
            OpenIntent intent = OpenIntent.WRITE;
            for (int crash = 0; crash < 3; crash++) {
                ImageDirectory watched = new OrderCheckedDirectory(disk);
                disk.faults().powerOffAt(disk.faults().operations() + 1 + random.nextInt(150));
                work(random, watched, intent, model);
                disk = disk.crash(random);
                ChainFiles files = ChainFiles.in(disk);
                requireHarmless(ChainCheck.run(files).findings());
                ChainDisk.open(files, OpenIntent.RECOVER).close();
                assertThat(ChainCheck.run(files).findings()).isEmpty();
                try (ChainDisk chain = ChainDisk.open(files, OpenIntent.READ)) {
                    model.checkAfterCrash(
                            (offset, dst) -> System.arraycopy(chain.read(offset, dst.length), 0, dst, 0, dst.length));
                }
                intent = random.nextBoolean() ? OpenIntent.WRITE : OpenIntent.RECOVER;
            }
        });
    }

    private static void work(Random random, ImageDirectory directory, OpenIntent intent, DiskModel model) {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(directory), intent)) {
            for (int i = 0; i < 30; i++) {
                int length = (1 + random.nextInt(100)) * 512;
                int offset = random.nextInt((DISK - length) / 512) * 512;
                byte[] bytes = TestBytes.random(random, length);
                try {
                    chain.write(offset, bytes);
                } catch (IOException e) {
                    model.mayHaveWritten(offset, bytes);
                    throw e;
                }
                model.wrote(offset, bytes);
                model.flushEnded(model.flushBegins());
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("no power");
        }
    }

    private static void requireHarmless(List<Finding> findings) {
        assertThat(findings)
                .allMatch(finding -> finding instanceof Finding.LeakedClusters
                        || finding instanceof Finding.ShortTail
                        || finding instanceof Finding.MarkedInUse);
    }
}
