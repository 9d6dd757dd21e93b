package org.tidemark.ploop.sim;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.os.Errno;

/** Programs with known faults must be caught: a harness that passes everything proves nothing. */
class MutationControlTest {
    private static final int CLUSTER = 32768;
    private static final int DISK = 16 * CLUSTER;

    /** Writes and claims durability; {@code flushes} is what the faulty program forgot. */
    private static void run(Random random, boolean flushes) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", DISK, CLUSTER);
        DiskModel model = new DiskModel(DISK);
        ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.WRITE);
        byte[] whole = TestBytes.random(random, DISK);
        chain.write(0, whole);
        model.wrote(0, whole);
        model.flushEnded(model.flushBegins());
        byte[] bytes = TestBytes.random(random, 4096);
        if (flushes) {
            chain.write(8192, bytes);
        } else {
            disk.faults().failNth(1, attempt -> attempt.kind() == FaultPlan.Kind.FLUSH, Errno.EIO);
            assertThatThrownBy(() -> chain.write(8192, bytes)).isInstanceOf(IOException.class);
        }
        model.wrote(8192, bytes);
        model.flushEnded(model.flushBegins());
        ChainFiles files = ChainFiles.in(disk.crash(random));
        try (ChainDisk after = ChainDisk.open(files, OpenIntent.RECOVER)) {
            model.checkAfterCrash(
                    (offset, dst) -> System.arraycopy(after.read(offset, dst.length), 0, dst, 0, dst.length));
        }
    }

    @Test
    void aFlushThatFlushesPasses() throws IOException {
        run(new Random(1), true);
    }

    @Test
    void aFlushThatIsAcknowledgedAndLostIsCaught() {
        assertThatThrownBy(() -> run(new Random(1), false))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("sector 16 holds none");
    }
}
